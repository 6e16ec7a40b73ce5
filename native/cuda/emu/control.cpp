// What tests in another language need of the emulation, with C linkage.
#include "cuda_runtime.h"
#include "sphere.h"

extern "C" {

// See emu::fail_at; error as cudart numbers it.
SPHERE_API void sphere_emu_fail_at(int64_t call, int32_t error) { emu::fail_at(call, static_cast<cudaError_t>(error)); }
SPHERE_API void sphere_emu_revive(void) { emu::revive(); }
SPHERE_API int64_t sphere_emu_calls(void) { return emu::calls(); }
SPHERE_API int64_t sphere_emu_live(void) { return emu::live(); }
SPHERE_API void sphere_emu_machine(int32_t devices, int32_t driver) { emu::machine(devices, driver); }
SPHERE_API void sphere_emu_unified(int32_t on) { emu::unified(on != 0); }

} // extern "C"
