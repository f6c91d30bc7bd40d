// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/shared_memory.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ubp {
namespace {

constexpr size_t kNever = static_cast<size_t>(-1);

// A reader that comes before what may overwrite the tensor it reads, in the model's order.
struct Hazard {
  size_t reader;
  size_t overwriter;
};

bool KeepsData(const NodeDecision& decision) {
  static const std::array<std::string, 3> kOperators = {"RESHAPE", "EXPAND_DIMS", "SQUEEZE"};
  return std::find(kOperators.begin(), kOperators.end(), decision.claim.op) != kOperators.end();
}

template <typename Function>
void ForEach(const TfLiteIntArray* tensors, const Function& function) {
  for (int i = 0; i < tensors->size; ++i) {
    if (tensors->data[i] != kTfLiteOptionalTensor) function(tensors->data[i]);
  }
}

class SharedMemory {
 public:
  SharedMemory(const std::vector<TfLiteNode*>& nodes, std::vector<NodeDecision>* decisions)
      : nodes_(nodes), decisions_(*decisions) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      ForEach(nodes[i]->inputs, [&](int tensor) { readers_[tensor].push_back(i); });
      ForEach(nodes[i]->outputs, [&](int tensor) { writer_[tensor] = i; });
    }
  }

  void Leave() {
    // What is left may share memory, too: until nothing has to be left any more.
    while (LeaveOnce()) continue;
  }

 private:
  // Whether there was anything to leave.
  bool LeaveOnce() {
    const std::vector<Hazard> hazards = PossibleHazards();
    if (hazards.empty()) return false;
    const std::vector<size_t> turns = Turns();
    bool any = false;
    for (const Hazard& hazard : hazards) {
      // Within one turn the interpreter keeps the model's order.
      const size_t turn = turns[hazard.reader];
      if (turn != kNever && turn > turns[hazard.overwriter]) any |= LeaveWithInputs(hazard.reader);
    }
    return any;
  }

  std::vector<Hazard> PossibleHazards() const {
    std::vector<Hazard> hazards;
    for (const std::vector<int>& tensors : TensorsInOneMemory()) {
      std::vector<size_t> readers;
      std::vector<size_t> overwriters;
      for (const int tensor : tensors) {
        for (const size_t reader : ReadersOf(tensor)) {
          if (SharesMemory(reader)) continue;
          readers.push_back(reader);
          const bool alone = tensor != tensors[0] && ReadersOf(tensor).size() == 1;
          if (alone && !decisions_[reader].taken) overwriters.push_back(reader);
        }
      }
      for (const size_t overwriter : overwriters) {
        for (const size_t reader : readers) {
          if (reader < overwriter) hazards.push_back({reader, overwriter});
        }
      }
    }
    return hazards;
  }

  // The first of each is what a RESHAPE reads, and may be in yet another tensor's memory: it is written by
  // a node that is left.
  std::vector<std::vector<int>> TensorsInOneMemory() const {
    std::vector<std::vector<int>> groups;
    std::map<int, size_t> group_of;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (!SharesMemory(i)) continue;
      const int input = nodes_[i]->inputs->data[0];
      const auto writer = writer_.find(input);
      if (writer == writer_.end() || decisions_[writer->second].taken) continue;
      const auto [group, is_new] = group_of.emplace(input, groups.size());
      if (is_new) groups.push_back({input});
      const int output = nodes_[i]->outputs->data[0];
      group_of.emplace(output, group->second);
      groups[group->second].push_back(output);
    }
    return groups;
  }

  bool SharesMemory(size_t i) const {
    return !decisions_[i].taken && KeepsData(decisions_[i]) && nodes_[i]->inputs->size > 0 &&
           nodes_[i]->outputs->size == 1;
  }

  const std::vector<size_t>& ReadersOf(int tensor) const {
    static const std::vector<size_t> kNone;
    const auto found = readers_.find(tensor);
    return found == readers_.end() ? kNone : found->second;
  }

  // When each node runs. As the interpreter does it: all nodes that can run and are taken, or all that
  // are left, have a turn together.
  std::vector<size_t> Turns() const {
    std::vector<size_t> turns(nodes_.size(), kNever);
    size_t waiting = nodes_.size();
    for (size_t turn = 0; waiting > 0; ++turn) {
      std::optional<bool> taken;
      for (size_t i = 0; i < nodes_.size(); ++i) {
        if (turns[i] != kNever || (taken && *taken != decisions_[i].taken)) continue;
        bool ready = true;
        ForEach(nodes_[i]->inputs, [&](int tensor) {
          const auto writer = writer_.find(tensor);
          ready = ready && (writer == writer_.end() || turns[writer->second] != kNever);
        });
        if (!ready) continue;
        taken = decisions_[i].taken;
        turns[i] = turn;
        --waiting;
      }
      if (!taken) break;  // no order at all: the interpreter refuses the model
    }
    return turns;
  }

  // Leaves a node, and all that it waits for; false, and nothing is left, where a converted layer is among
  // them, which nobody else can run.
  bool LeaveWithInputs(size_t node) {
    const std::set<size_t> needed = WithInputs(node);
    const auto is_converted = [&](size_t i) { return decisions_[i].claim.packed; };
    if (std::any_of(needed.begin(), needed.end(), is_converted)) return false;
    bool any = false;
    for (const size_t i : needed) {
      if (!decisions_[i].taken) continue;
      decisions_[i].taken = false;
      decisions_[i].reason =
          "the interpreter would overwrite what it reads, or what a node behind it reads, by way "
          "of "
          "a RESHAPE that shares memory, before the delegate has its turn.";
      any = true;
    }
    return any;
  }

  std::set<size_t> WithInputs(size_t node) const {
    std::set<size_t> seen;
    std::vector<size_t> left = {node};
    while (!left.empty()) {
      const size_t i = left.back();
      left.pop_back();
      if (!seen.insert(i).second) continue;
      ForEach(nodes_[i]->inputs, [&](int tensor) {
        const auto writer = writer_.find(tensor);
        if (writer != writer_.end()) left.push_back(writer->second);
      });
    }
    return seen;
  }

  const std::vector<TfLiteNode*>& nodes_;
  std::vector<NodeDecision>& decisions_;
  std::map<int, std::vector<size_t>> readers_;  // by tensor
  std::map<int, size_t> writer_;                // by tensor
};

}  // namespace

void LeaveWhatIsOverwritten(const std::vector<TfLiteNode*>& nodes,
                            std::vector<NodeDecision>* decisions) {
  SharedMemory(nodes, decisions).Leave();
}

}  // namespace ubp
