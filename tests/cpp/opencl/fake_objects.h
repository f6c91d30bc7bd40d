// SPDX-License-Identifier: Apache-2.0
// What the fake OpenCL keeps: settings, objects and counts. fake_opencl.h says what the settings mean.
#ifndef UBP_TESTS_CPP_OPENCL_FAKE_OBJECTS_H_
#define UBP_TESTS_CPP_OPENCL_FAKE_OBJECTS_H_

#include <CL/cl.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

struct _cl_platform_id {};
struct _cl_device_id {
  std::string name, vendor, version, extensions;
  cl_device_type type = CL_DEVICE_TYPE_GPU;
};
struct _cl_context {};
struct _cl_command_queue {
  cl_command_queue_properties properties = 0;
  bool busy = false;  // commands were given that nobody has waited for
};
struct _cl_mem {
  std::vector<char> bytes;
};
struct _cl_program {
  std::string source;
  bool from_binary = false;
  bool built = false;
};
struct _cl_kernel {
  std::string name;
};
struct _cl_event {};

namespace fake {

using Settings = std::map<std::string, std::string>;

struct Callback {
  cl_event event;
  void(CL_CALLBACK* call)(cl_event, cl_int, void*);
  void* data;
};

// One object of the library; all that it holds is guarded by `mutex`.
struct World {
  std::mutex mutex;
  Settings settings;
  std::map<std::string, int64_t> counts;
  std::vector<_cl_device_id*> devices;
  std::set<void*> objects;  // what was made and not released
  std::vector<Callback> hanging;
  int calling_back = 0;  // threads
  std::condition_variable changed;

  World();
  void Set(const std::string& text);

  std::string Text(const char* name, const char* otherwise) const;
  int64_t Number(const char* name, int64_t otherwise) const;
  bool Is(const char* name) const { return Number(name, 0) != 0; }

  // Counts the call of a function, and says how it ends: CL_SUCCESS where it is not to fail.
  cl_int Begin(const char* function);
  // Whether it is an object that was made and not released.
  bool Has(void* object) const { return objects.count(object) > 0; }
  // Calls back at once, from another thread, or never.
  void CallBack(const Callback& callback);

  template <class T>
  T* Add(T* object) {
    objects.insert(object);
    return object;
  }
  template <class T>
  cl_int Release(T* object, cl_int if_wrong) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (objects.erase(object) == 0) return if_wrong;
    delete object;
    return CL_SUCCESS;
  }
};

World& TheWorld();

// Ends the process with a message: the code under test did what would hang or is undefined.
[[noreturn]] void Shoot(const char* why);

}  // namespace fake

#endif  // UBP_TESTS_CPP_OPENCL_FAKE_OBJECTS_H_
