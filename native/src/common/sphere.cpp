#include "sphere.h"

#include "common/barrier.hpp"

#include <cstring>
#include <omp.h>

namespace {
// One buffer per thread: no allocation on the way of reporting that memory is out.
thread_local char last_error[1024] = "";
} // namespace

void sphere::set_last_error(const char * text) noexcept {
  std::strncpy(last_error, text, sizeof last_error - 1);
  last_error[sizeof last_error - 1] = '\0';
}

const char * sphere_version(void) { return SPHERE_VERSION; }

const char * sphere_last_error(void) { return last_error; }

void sphere_threads_release(void) { omp_pause_resource(omp_pause_soft, omp_get_initial_device()); }
