// Loads libsphere-cuda as a process does on a machine that may have no driver, and says what it answers.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

int main(int argc, char ** argv) {
  void * library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  if (!library) {
    fprintf(stderr, "cannot load: %s\n", argc > 1 ? dlerror() : "name a library");
    return 1;
  }
  const char * (*version)(void) = (const char * (*)(void))dlsym(library, "sphere_cuda_version");
  const char * (*architectures)(void) = (const char * (*)(void))dlsym(library, "sphere_cuda_architectures");
  const char * (*last_error)(void) = (const char * (*)(void))dlsym(library, "sphere_cuda_last_error");
  int32_t (*versions)(int32_t *, int32_t *) = (int32_t (*)(int32_t *, int32_t *))dlsym(library, "sphere_cuda_versions");
  int32_t (*devices)(int32_t, void *, int32_t *) =
      (int32_t (*)(int32_t, void *, int32_t *))dlsym(library, "sphere_cuda_devices");
  if (!version || !architectures || !last_error || !versions || !devices) {
    fprintf(stderr, "a function is missing\n");
    return 1;
  }
  int32_t runtime = 0, driver = 0, count = 0;
  const int32_t asked = versions(&runtime, &driver);
  const int32_t status = devices(0, NULL, &count);
  printf("libsphere-cuda %s for %s: CUDA runtime %d, driver %d, %d devices%s%s\n", version(), architectures(), runtime,
         driver, count, status != 0 ? ": " : "", status != 0 ? last_error() : "");
  // Without a driver, without a device, or with one: each is an answer. Anything else is not.
  return asked == 0 && (status == 0 || status == 16 || status == 17) ? 0 : 1;
}
