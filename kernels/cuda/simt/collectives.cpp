// What a running thread of a grid calls: barriers, collectives of warps, shared memory.
#include <bit>
#include <cstring>

#include "kernels/cuda/simt/engine_state.h"

namespace innerloop::simt {

// ---- Barriers ------------------------------------------------------------------------------------------------------
void sync_threads(const Site& site) {
  const EngineScope scope;
  Engine& e = engine();
  Block& block = *e.current->block;
  if (block.arrived && block.site != &site)
    fail("threads of one block wait at different __syncthreads, some at " + to_string(*block.site), &site);
  if (block.live != block.threads) fail("__syncthreads after threads of the block have returned", &site);
  block.site = &site;
  if (++block.arrived < block.live) return wait(State::at_block_barrier, site);
  // The last one to arrive lets all go on, and goes on itself.
  block.arrived = 0;
  ++block.barriers;
  ++statistics().barriers;
  for (unsigned t = 0; t < block.threads; ++t)
    if (Thread& thread = e.threads[block.first_thread + t]; thread.state == State::at_block_barrier)
      thread.state = State::ready;
}

void sync_grid(const Site& site) {
  const EngineScope scope;
  Engine& e = engine();
  if (!e.launch.cooperative) fail("simt::grid_sync in a launch that is not cooperative", &site);
  if (e.live != e.threads.size()) fail("simt::grid_sync after threads of the grid have returned", &site);
  if (++e.at_grid < e.live) return wait(State::at_grid_barrier, site);
  e.at_grid = 0;
  ++e.grid_barriers;
  for (Thread& thread : e.threads)
    if (thread.state == State::at_grid_barrier) thread.state = State::ready;
}

// ---- Warps ---------------------------------------------------------------------------------------------------------
unsigned gather_warp(const Site& site, std::uint32_t mask, const void* value, std::size_t bytes, bool vote) {
  const EngineScope scope;
  Engine& e = engine();
  Thread& thread = *e.current;
  Warp& warp = *thread.warp;
  if (!(mask >> thread.lane() & 1u)) fail("a lane takes part in a warp's collective without being in its mask", &site);
  if (mask & ~warp.live) fail("the mask of a warp's collective names lanes that do not exist or have returned", &site);
  if (warp.arrived && (warp.expected != mask || warp.site != &site))
    fail("the lanes of a warp disagree on a collective: others wait at " + to_string(*warp.site) +
             (warp.expected != mask ? " with another mask" : ""), &site);
  const unsigned slot = warp.gatherings & 1u;
  if (!warp.arrived) {
    warp.site = &site;
    warp.expected = warp.masks[slot] = mask;
    warp.votes[slot] = 0;
  }
  if (bytes) std::memcpy(warp.values[slot][thread.lane()].data(), value, bytes);
  if (vote) warp.votes[slot] |= 1u << thread.lane();
  warp.arrived |= 1u << thread.lane();
  if (warp.arrived != warp.expected) {
    wait(State::in_collective, site);
    return slot;
  }
  warp.arrived = 0;
  ++warp.gatherings;
  ++statistics().collectives;
  Thread* lanes = &thread - thread.lane();
  for (std::uint32_t rest = mask; rest; rest &= rest - 1)
    if (Thread& other = lanes[std::countr_zero(rest)]; other.state == State::in_collective) other.state = State::ready;
  return slot;
}

void read_lane(unsigned ticket, unsigned lane, void* value, std::size_t bytes) {
  const EngineScope scope;
  const Warp& warp = *engine().current->warp;
  if (lane >= warp_lanes || !(warp.masks[ticket] >> lane & 1u))
    fail("a shuffle reads lane " + std::to_string(lane) + ", which is not in its mask");
  std::memcpy(value, warp.values[ticket][lane].data(), bytes);
}

std::uint32_t votes(unsigned ticket) { return engine().current->warp->votes[ticket]; }
void order_warp_memory() { engine().current->warp->epoch = engine().current->warp->gatherings; }
unsigned lane() { return engine().current->lane(); }

// ---- Shared memory -------------------------------------------------------------------------------------------------
void* shared_array(const Site& site, std::size_t bytes) {
  const EngineScope scope;
  const char* complaint = "";
  void* array = engine().current->block->shared->array(site, bytes, complaint);
  if (!array) fail(complaint, &site);
  return array;
}

void* carve(std::size_t bytes) {
  const EngineScope scope;
  Thread& thread = *engine().current;
  const char* complaint = "";
  void* piece = thread.block->shared->carve(thread.carved++, bytes, complaint);
  if (!piece)
    fail(std::string(complaint) + ": piece " + std::to_string(thread.carved) + " of " + std::to_string(bytes) +
         " bytes, declared " + std::to_string(engine().launch.shared_bytes));
  return piece;
}

// ---- For the race detector -----------------------------------------------------------------------------------------
void begin_atomic(const void* address, std::size_t bytes) { race::begin_atomic(address, bytes); }
void end_atomic() { race::end_atomic(); }

EngineScope::EngineScope() : before_(engine().in_kernel) { engine().in_kernel = false; }
EngineScope::~EngineScope() { engine().in_kernel = before_; }

bool describe_access(const void* address, race::Actor& actor) {
  const Engine& e = engine();
  if (!e.in_kernel || e.current->fiber->holds(address)) return false;
  const char *byte = static_cast<const char*>(address), *own = reinterpret_cast<const char*>(&registers);
  if (byte >= own && byte < own + sizeof registers) return false;
  actor = {e.launches, e.grid_barriers, e.current->block->number, e.current->block->barriers, e.current->warp->epoch,
           e.current->number, false, true};
  return true;
}

bool is_shared_memory(const void* address) {
  for (const auto& arena : engine().arenas)
    if (arena->holds(address)) return true;
  return false;
}

}  // namespace innerloop::simt
