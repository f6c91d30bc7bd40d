// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/opencl/fake_objects.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <thread>

namespace fake {
namespace {

constexpr auto kWorkTime = std::chrono::microseconds(50);
constexpr auto kSlowTime = std::chrono::milliseconds(500);

}  // namespace

World& TheWorld() {
  static World* const world = new World;
  return *world;
}

void Shoot(const char* why) {
  std::fprintf(stderr, "fake OpenCL: %s\n", why);
  std::abort();
}

World::World() {
  const char* const text = std::getenv("FAKE_OPENCL");
  Set(text != nullptr ? text : "");
}

void World::Set(const std::string& text) {
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [this] { return calling_back == 0; });
  settings.clear();
  counts.clear();
  // Of devices that are lost nothing is released.
  static auto* const forgotten = new std::vector<void*>;
  forgotten->insert(forgotten->end(), objects.begin(), objects.end());
  objects.clear();
  hanging.clear();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find('=');
    if (equals == std::string::npos) Shoot(("no setting: " + line).c_str());
    settings[line.substr(0, equals)] = line.substr(equals + 1);
  }
  // The old ones are kept, so that no new one has their address; what has contexts of the old ones may
  // still exist.
  static auto* const all = new std::vector<std::unique_ptr<_cl_device_id>>;
  devices.clear();
  for (int64_t i = 0; i < Number("devices", 1); ++i) {
    auto device = std::make_unique<_cl_device_id>();
    device->name = Text("name", "Fake GPU");
    device->vendor = Text("vendor", "Fake");
    device->version = Text("version", "OpenCL 1.2 fake");
    device->extensions = Text("extensions", "");
    const std::string type = Text("type", "gpu");
    device->type = type == "cpu"           ? CL_DEVICE_TYPE_CPU
                   : type == "accelerator" ? CL_DEVICE_TYPE_ACCELERATOR
                                           : CL_DEVICE_TYPE_GPU;
    devices.push_back(device.get());
    all->push_back(std::move(device));
  }
}

std::string World::Text(const char* name, const char* otherwise) const {
  const auto found = settings.find(name);
  return found == settings.end() ? otherwise : found->second;
}

int64_t World::Number(const char* name, int64_t otherwise) const {
  const auto found = settings.find(name);
  return found == settings.end() ? otherwise : std::strtoll(found->second.c_str(), nullptr, 10);
}

cl_int World::Begin(const char* function) {
  std::unique_lock<std::mutex> lock(mutex);
  const int64_t call = counts["calls"]++;
  const int64_t call_of_function = counts[function]++;
  const bool fails = call == Number("fail_call", -1) ||
                     (Text("fail", "") == function && call_of_function >= Number("after", 0));
  if (Text("slow", "") == function) {
    lock.unlock();
    std::this_thread::sleep_for(kSlowTime);
    lock.lock();
  }
  if (!fails) return CL_SUCCESS;
  ++counts[std::string("failed ") + function];
  return static_cast<cl_int>(Number("code", CL_OUT_OF_RESOURCES));
}

void World::CallBack(const Callback& callback) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (Is("hang")) {
    hanging.push_back(callback);
    return;
  }
  const auto status = static_cast<cl_int>(Number("event_status", CL_COMPLETE));
  ++calling_back;
  std::thread([this, callback, status] {
    std::this_thread::sleep_for(kWorkTime);
    callback.call(callback.event, status, callback.data);
    const std::lock_guard<std::mutex> done(mutex);
    --calling_back;
    changed.notify_all();
  }).detach();
}

}  // namespace fake

extern "C" void fake_opencl_set(const char* settings) { fake::TheWorld().Set(settings); }

extern "C" void fake_opencl_fail(int64_t call, int32_t code) {
  fake::World& world = fake::TheWorld();
  const std::lock_guard<std::mutex> lock(world.mutex);
  world.settings["fail_call"] = std::to_string(world.counts["calls"] + call);
  world.settings["code"] = std::to_string(code);
}

extern "C" int64_t fake_opencl_get(const char* what) {
  fake::World& world = fake::TheWorld();
  if (std::string(what) == "wake") {
    std::vector<fake::Callback> all;
    {
      const std::lock_guard<std::mutex> lock(world.mutex);
      all.swap(world.hanging);
    }
    for (const fake::Callback& one : all) one.call(one.event, CL_COMPLETE, one.data);
    return static_cast<int64_t>(all.size());
  }
  const std::lock_guard<std::mutex> lock(world.mutex);
  if (std::string(what) == "hang") {
    world.settings["hang"] = "1";
    return 1;
  }
  if (std::string(what) == "objects") return static_cast<int64_t>(world.objects.size());
  return world.counts[what];
}
