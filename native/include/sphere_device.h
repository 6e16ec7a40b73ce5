// A device beside the CPU: how libsphere's functions reach its kernels.
//
// A library for a kind of device (libsphere-cuda) fills a table of functions; sphere_device_attach() makes it known.
// From then on the functions of sphere_sampling.h and sphere_optim.h look where their arrays are: arrays in the
// device's memory are computed there, all others on the CPU as ever; and sphere_graph_compute() runs the nodes of
// sphere_train.h on the device that holds them. So callers name a backend once, when they make it, and nothing else
// changes.
//
// One device a process. The table's functions return a sphere_status and leave a line for last_error().
#ifndef SPHERE_DEVICE_H
#define SPHERE_DEVICE_H

#include "sphere.h"
#include "sphere_sampling.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ggml_backend;
struct ggml_cgraph;

// The numbers of one AdamW step; see sphere_adamw.
struct sphere_adamw_step {
  float grad_scale;
  float keep;
  float step_size;
  float beta1;
  float beta2;
  float root_scale;
  float epsilon;
};

// How a table of rotary angles is made; see sphere_op_rope_table. Angle i of a position: position * frequency_i *
// (scale (1 - mix_i) + mix_i), both sine and cosine times `length`; mix_i falls from `extension` at dimension `first`
// to 0 at `last`.
struct sphere_rope_settings {
  float base;
  float scale;
  float length; // with an extension also times 1 + 0.1 log(1 / scale)
  float extension;
  int32_t first;
  int32_t last;
};

// Attention of every slot to itself and its ancestors; see sphere_op_attention. Shapes as there; n = slots * groups.
struct sphere_tree_attention {
  const float * q;
  const float * k;
  const float * v;
  const float * table;
  const int32_t * parents;
  const float * dy; // backward only
  float * y;        // forward: [head_size * heads, n]; backward: dq, dk, dv one after the other
  int64_t slots;
  int64_t groups;
  int32_t head_size;
  int32_t heads;
  int32_t kv_heads;
  int32_t rotated; // dimensions that the table turns
  int32_t neox;
  int32_t reserved;
};

// What a device offers. All arrays are in its memory unless marked "host". Calls return when the work is queued; work
// is done in the order of the calls, and copy() and synchronize() wait for it.
struct sphere_device_api {
  int64_t size; // of this struct, to refuse a library of another version
  const char * (*name)(void);
  const char * (*last_error)(void);
  int32_t (*owns)(const void * pointer); // 1: its memory
  int32_t (*alloc)(int64_t bytes, void ** out);
  int32_t (*release)(void * pointer);
  int32_t (*copy)(void * to, const void * from, int64_t bytes); // each of the two in its memory or the host's
  int32_t (*fill_zero)(void * pointer, int64_t bytes);
  int32_t (*synchronize)(void);
  // sphere_sampling.h; draws, rows, targets, out: host
  int32_t (*sample_rows)(const float * logits, int32_t n_vocab, struct sphere_draw * draws, int32_t n_draws);
  int32_t (*logprob_rows)(const float * logits, int32_t n_vocab, int32_t n, const int32_t * rows,
                          const int32_t * targets, float * out);
  // sphere_optim.h; sum: host
  int32_t (*adamw)(float * value, float * gradient, float * m, float * v, int64_t n,
                   const struct sphere_adamw_step * step, int32_t clear);
  int32_t (*sgd)(float * value, float * gradient, float * velocity, int64_t n, float grad_scale, float keep,
                 float step_size, float momentum, int32_t clear);
  int32_t (*sum_squares)(const float * x, int64_t n, double * sum);
  // sphere_train.h
  int32_t (*log_probs)(const float * logits, int64_t vocabulary, int64_t rows, const int32_t * offsets,
                       const int32_t * tokens, int64_t count, float * out); // out [count, 4]; see sphere_op_log_probs
  int32_t (*log_probs_back)(float * logits, int64_t vocabulary, int64_t rows, const int32_t * offsets,
                            const int32_t * tokens, const float * weights, const float * log_probs);
  int32_t (*attention)(const struct sphere_tree_attention * a);
  int32_t (*attention_back)(const struct sphere_tree_attention * a);
  int32_t (*rms_norm)(const float * x, const float * weight, float * y, int64_t width, int64_t rows, float eps);
  int32_t (*rms_norm_dx)(const float * x, const float * weight, const float * dy, float * dx, int64_t width,
                         int64_t rows, float eps, int32_t accumulate);
  int32_t (*rms_norm_dw)(const float * x, const float * dy, float * dw, int64_t width, int64_t rows, float eps);
  int32_t (*swiglu)(const float * gate, const float * up, float * y, int64_t n);
  int32_t (*swiglu_back)(const float * gate, const float * up, const float * dy, float * dgate, float * dup, int64_t n);
  int32_t (*sum_rows)(const float * dy, float * into, int64_t width, int64_t rows);
  int32_t (*scatter)(const float * dy, const int32_t * rows, int64_t count, float * into, int64_t width, int64_t n,
                     int32_t zero);
  int32_t (*rope_table)(const int32_t * positions, const float * factors, float * table, int32_t dims, int64_t n,
                        const struct sphere_rope_settings * settings);
};

// Makes a device known; NULL: none any more. SPHERE_INVALID_ARGUMENT when the table is of another version.
SPHERE_API int32_t sphere_device_attach(const struct sphere_device_api * api);

// 1 when the pointer is the attached device's memory, 0 when not, or when there is no device.
SPHERE_API int32_t sphere_device_owns(const void * pointer);

// `bytes` of the attached device's memory, zeroed. SPHERE_FAILED without a device.
SPHERE_API int32_t sphere_device_alloc(int64_t bytes, void ** out);
SPHERE_API int32_t sphere_device_free(void * pointer);

// Copies bytes between memories of the host and the device, in any direction; waits until it is done.
SPHERE_API int32_t sphere_device_copy(void * to, const void * from, int64_t bytes);

// Computes a graph: ggml's own nodes by the backend, sphere_train.h's nodes by the device whose memory they are in,
// without a device by the backend too. Waits for what was queued on the device before, and until all is done.
// SPHERE_OUT_OF_MEMORY when a kernel of sphere_train.h got no scratch memory on any of its threads,
// SPHERE_INVALID_ARGUMENT when a token, a row, an offset or a parent does not exist (on the host's memory; a device
// trusts them): the graph's results are not valid then.
SPHERE_API int32_t sphere_graph_compute(struct ggml_backend * backend, struct ggml_cgraph * graph);

#ifdef __cplusplus
}
#endif

#endif
