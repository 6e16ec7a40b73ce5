// The root of Sphere's own C ABI: version, proof of the ABI, and how errors come back.
//
// Rules for every function of libsphere:
//   * plain C types only; this header and its siblings (sphere_*.h) compile as C11;
//   * no exception leaves it, and nothing in it calls exit() or abort();
//   * a function that can fail returns an int32_t status, 0 for success, and leaves one line of text for
//     sphere_last_error() on the calling thread.
#ifndef SPHERE_H
#define SPHERE_H

#include <stdint.h>

#if defined(_WIN32)
#define SPHERE_API __declspec(dllexport)
#else
#define SPHERE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum sphere_status {
  SPHERE_OK = 0,
  SPHERE_INVALID_ARGUMENT = 1, // the caller's mistake; sphere_last_error() says which argument and why
  SPHERE_OUT_OF_MEMORY = 2,
  SPHERE_FAILED = 3, // anything else
};

// Version of libsphere, "major.minor.patch". Static, never NULL.
SPHERE_API const char * sphere_version(void);

// What this library was compiled against, as text, one fact per line ('\n'), in this grammar:
//   version <library> <version>          the llama.cpp whose headers were used
//   sizeof <struct> <bytes>
//   offset <struct>.<field> <offset> <bytes>
//   const <name> <value>
// Static, never NULL. The bindings compare it with their own layouts before anything else is called.
SPHERE_API const char * sphere_abi_table(void);

// The text of the last failure on this thread, "" when there was none. Valid until the next failure on this thread.
SPHERE_API const char * sphere_last_error(void);

// Ends the threads that OpenMP keeps for the calling thread; its next computation gets new ones. For a thread that has
// computed and will not soon again: GNU OpenMP counts what all threads keep, and when there are more than CPUs, a
// thread at a barrier hardly spins before it sleeps, in the whole process. Not to be called while the calling thread
// computes.
SPHERE_API void sphere_threads_release(void);

#ifdef __cplusplus
}
#endif

#endif
