// Sums over rows, over everything and over tasks. One fixed order of additions each, and no atomics: the same bits for
// every order in which threads run. Long columns are cut into slices where there is memory for their sums (slices.h).
#include "kernels/cuda/add_rows.h"
#include "kernels/cuda/families.h"

namespace innerloop::kernels::SIMT_BACKEND {
namespace {

// y[t, slice, column] = sum
template <class T>
struct KeepSum {
  View<T> y;
  constexpr void operator()(int t, int slice, int col, double sum) const {
    y.task(t)[static_cast<std::size_t>(slice) * y.cols + col] = static_cast<T>(sum);
  }
};

template <class T>
void add_rows_of(View<T> y, View<const T> a, const DeviceCall& call) {
  SumPlan plan = plan_sum(a.rows, a.cols, call.tasks);
  if (plan.slices > 1 && call.workspace_bytes >= plan.partial_numbers * sizeof(double)) {
    const std::size_t stride = static_cast<std::size_t>(plan.slices) * a.cols;
    const View<double> partial{static_cast<double*>(call.workspace), plan.slices, a.cols, stride};
    launch_add_rows(plan, a, call.tasks, call.stream, KeepSum<double>{partial});
    return add_slices(static_cast<const double*>(partial.data), plan.slices, a.cols, call.tasks, call.stream,
                      KeepSum<T>{y});
  }
  plan.slices = 1, plan.slice_rows = a.rows;
  launch_add_rows(plan, a, call.tasks, call.stream, KeepSum<T>{y});
}

template <class T>
void sum_rows(const DeviceCall& call) {
  add_rows_of(view<T>(call.out), view<const T>(call.in[0]), call);
}

// All numbers as one column.
template <class T>
void sum_all(const DeviceCall& call) {
  View<const T> a = view<const T>(call.in[0]);
  a.rows = a.size();
  a.cols = 1;
  add_rows_of(view<T>(call.out), a, call);
}

// y[n] = Σ_t a[t, n], in task order.
template <class T>
struct SumTasks {
  View<const T> a;
  int tasks;
  constexpr T operator()(int, int n) const {
    T sum = a.task(0)[n];
    for (int t = 1; t < tasks; ++t) sum += a.task(t)[n];
    return sum;
  }
};

template <class T>
void sum_tasks(const DeviceCall& call) {
  for_elements(view<T>(call.out), 1, call.stream, SumTasks<T>{view<const T>(call.in[0]), call.tasks});
}

}  // namespace

std::span<const DeviceKernelRow> sum_kernels() {
  static constexpr DeviceKernelRow rows[] = {
      {Op::sum_rows, sum_rows<float>, sum_rows<double>},
      {Op::sum_all, sum_all<float>, sum_all<double>},
      {Op::sum_tasks, sum_tasks<float>, sum_tasks<double>},
  };
  return rows;
}

}  // namespace innerloop::kernels::SIMT_BACKEND
