// The exception barrier: the body of every exported function that can fail runs inside sphere::guarded().
#pragma once

#include "sphere.h"

#include <exception>
#include <new>
#include <stdexcept>

namespace sphere {

// Keeps the text for sphere_last_error() on this thread; cuts it rather than allocate.
void set_last_error(const char * text) noexcept;

// A failure that comes with its own status: a device's.
struct status_error : std::runtime_error {
  status_error(int32_t status, const char * what) : std::runtime_error(what), status(status) {}
  int32_t status;
};

// Runs body and turns what it throws into a status: std::invalid_argument is the caller's mistake.
template <typename Body> int32_t guarded(Body && body) noexcept {
  try {
    body();
    return SPHERE_OK;
  } catch (const std::invalid_argument & e) {
    set_last_error(e.what());
    return SPHERE_INVALID_ARGUMENT;
  } catch (const std::bad_alloc &) {
    set_last_error("out of memory");
    return SPHERE_OUT_OF_MEMORY;
  } catch (const status_error & e) {
    set_last_error(e.what());
    return e.status;
  } catch (const std::exception & e) {
    set_last_error(e.what());
    return SPHERE_FAILED;
  } catch (...) {
    set_last_error("an unknown exception");
    return SPHERE_FAILED;
  }
}

} // namespace sphere
