// The table of kernels: each call checks what it is given, finds working memory, and queues its kernels.
#include "open_device.hpp"
#include "sphere_cuda.h"

#include <cmath>
#include <cstring>

namespace sphere::cuda {
namespace {

Logits rows_of(const float * logits, int64_t vocabulary, int64_t rows) {
  require(logits != nullptr && vocabulary >= 1 && rows >= 0, "logits, vocabulary or rows");
  return {const_cast<float *>(logits), vocabulary, rows};
}

void check_row(int32_t status, int32_t row) {
  if (status != kRowGood) {
    throw std::invalid_argument(
        "row " + std::to_string(row) + " of the logits " +
        (status == kRowNan ? "holds NaN" : "gives no token any probability (all are -infinity)"));
  }
}

int32_t sample_rows(const float * logits, int32_t n_vocab, struct sphere_draw * draws, int32_t n_draws) {
  return on_device([&] {
    const Logits rows = rows_of(logits, n_vocab, 0);
    require(n_draws >= 0 && (n_draws == 0 || draws != nullptr), "draws");
    if (n_draws == 0) {
      return;
    }
    const float inf = INFINITY;
    const int64_t bytes = n_draws * static_cast<int64_t>(sizeof(DeviceDraw));
    auto * image = static_cast<DeviceDraw *>(device.image.need(bytes));
    for (int32_t i = 0; i < n_draws; i++) {
      const sphere_draw & d = draws[i];
      const bool good = d.row >= 0 && d.top_k >= 0 && d.temperature >= 0 && d.temperature < inf && d.top_p > 0 &&
                        d.top_p <= 1 && d.min_p >= 0 && d.min_p <= 1;
      if (!good) {
        throw std::invalid_argument("draw " + std::to_string(i) + " has a setting out of range");
      }
      image[i] = {d, d.min_p > 0 ? std::log(d.min_p) : -inf, kRowGood};
    }
    auto * there = static_cast<DeviceDraw *>(device.scratch.need(bytes));
    check(cudaMemcpyAsync(there, image, static_cast<size_t>(bytes), cudaMemcpyDefault, device.stream), "sampling");
    sample(rows, there, n_draws, SamplePath::kAuto, device.stream);
    check(cudaMemcpyAsync(image, there, static_cast<size_t>(bytes), cudaMemcpyDefault, device.stream), "sampling");
    synchronize("sampling");
    for (int32_t i = 0; i < n_draws; i++) {
      check_row(image[i].status, draws[i].row);
      draws[i] = image[i].draw;
    }
  });
}

int32_t logprob_rows(const float * logits, int32_t n_vocab, int32_t n, const int32_t * rows, const int32_t * targets,
                     float * out) {
  return on_device([&] {
    const Logits all = rows_of(logits, n_vocab, 0);
    require(n >= 0 && (n == 0 || (rows != nullptr && targets != nullptr && out != nullptr)), "rows, targets or out");
    for (int32_t i = 0; i < n; i++) {
      if (rows[i] < 0 || targets[i] < 0 || targets[i] >= n_vocab) {
        throw std::invalid_argument("entry " + std::to_string(i) + " names a row or a token that does not exist");
      }
    }
    if (n == 0) {
      return;
    }
    // rows, targets, results, statuses: four arrays of n words
    const int64_t bytes = 16 * static_cast<int64_t>(n);
    auto * image = static_cast<int32_t *>(device.image.need(bytes));
    auto * there = static_cast<int32_t *>(device.scratch.need(bytes));
    std::copy_n(rows, n, image);
    std::copy_n(targets, n, image + n);
    check(cudaMemcpyAsync(there, image, static_cast<size_t>(bytes / 2), cudaMemcpyDefault, device.stream), "log_probs");
    log_probs_of_rows(all, there, there + n, n, reinterpret_cast<float *>(there + 2 * int64_t{n}),
                      there + 3 * int64_t{n}, device.stream);
    check(cudaMemcpyAsync(image + 2 * int64_t{n}, there + 2 * int64_t{n}, static_cast<size_t>(bytes / 2),
                          cudaMemcpyDefault, device.stream),
          "log_probs");
    synchronize("log_probs");
    for (int32_t i = 0; i < n; i++) {
      check_row(image[3 * int64_t{n} + i], rows[i]);
    }
    std::memcpy(out, image + 2 * int64_t{n}, sizeof(float) * static_cast<size_t>(n));
  });
}

void require_array(int64_t n, std::initializer_list<const void *> arrays) {
  for (const void * a : arrays) {
    require(n == 0 || (n > 0 && a != nullptr), "an array is null or its length is negative");
  }
}

int32_t adamw_entry(float * value, float * gradient, float * m, float * v, int64_t n,
                    const struct sphere_adamw_step * step, int32_t clear) {
  return on_device([&] {
    require_array(n, {value, gradient, m, v});
    require(step != nullptr, "step");
    adamw(value, gradient, m, v, n, *step, clear != 0, device.stream);
  });
}

int32_t sgd_entry(float * value, float * gradient, float * velocity, int64_t n, float grad_scale, float keep,
                  float step_size, float momentum, int32_t clear) {
  return on_device([&] {
    require_array(n, {value, gradient});
    sgd(value, gradient, velocity, n, grad_scale, keep, step_size, momentum, clear != 0, device.stream);
  });
}

int32_t sum_squares_entry(const float * x, int64_t n, double * sum) {
  return on_device([&] {
    require_array(n, {x});
    require(sum != nullptr, "sum");
    const int64_t blocks = (n + kSumBlock - 1) / kSumBlock;
    double total = 0;
    if (blocks > 0) {
      const int64_t bytes = blocks * static_cast<int64_t>(sizeof(double));
      auto * there = static_cast<double *>(device.scratch.need(bytes));
      auto * image = static_cast<double *>(device.image.need(bytes));
      sum_squares(x, n, there, device.stream);
      check(cudaMemcpyAsync(image, there, static_cast<size_t>(bytes), cudaMemcpyDefault, device.stream), "sum_squares");
      synchronize("sum_squares");
      for (int64_t i = 0; i < blocks; i++) { // in order, as the CPU kernel does
        total += image[i];
      }
    }
    *sum = total;
  });
}

int32_t log_probs_entry(const float * logits, int64_t vocabulary, int64_t rows, const int32_t * offsets,
                        const int32_t * tokens, int64_t count, float * out) {
  return on_device([&] {
    const Logits all = rows_of(logits, vocabulary, rows);
    require_array(rows, {offsets, tokens, out});
    require(count >= 0, "log_probs: count");
    log_probs(all, offsets, tokens, out, {out + count, out + 2 * count, out + 3 * count}, device.stream);
  });
}

int32_t log_probs_back_entry(float * logits, int64_t vocabulary, int64_t rows, const int32_t * offsets,
                             const int32_t * tokens, const float * weights, const float * values) {
  return on_device([&] {
    const Logits all = rows_of(logits, vocabulary, rows);
    require_array(rows, {offsets, tokens, weights, values});
    log_probs_back(all, offsets, tokens, weights, values, device.stream);
  });
}

int32_t attention_any(const struct sphere_tree_attention * a, bool back) {
  return on_device([&] {
    require(a != nullptr && a->q && a->k && a->v && a->table && a->parents && a->y && (!back || a->dy),
            "attention: an array is null");
    require(a->slots > 0 && a->groups > 0 && a->head_size > 0 && a->heads > 0 && a->kv_heads > 0 &&
                a->heads % a->kv_heads == 0 && a->rotated >= 0 && a->rotated % 2 == 0 && a->rotated <= a->head_size,
            "attention: shapes do not fit");
    require(a->head_size <= 128, "attention: heads of more than 128 dimensions are not supported on CUDA");
    void * scratch = device.scratch.need(attention_scratch(*a, back));
    back ? attention_back(*a, scratch, device.stream) : attention(*a, scratch, device.stream);
  });
}

int32_t attention_entry(const struct sphere_tree_attention * a) { return attention_any(a, false); }
int32_t attention_back_entry(const struct sphere_tree_attention * a) { return attention_any(a, true); }

int32_t rms_norm_entry(const float * x, const float * weight, float * y, int64_t width, int64_t rows, float eps) {
  return on_device([&] {
    require_array(width * rows, {x, weight, y});
    rms_norm(x, weight, y, width, rows, eps, device.stream);
  });
}

int32_t rms_norm_dx_entry(const float * x, const float * weight, const float * dy, float * dx, int64_t width,
                          int64_t rows, float eps, int32_t accumulate) {
  return on_device([&] {
    require_array(width * rows, {x, weight, dy, dx});
    rms_norm_dx(x, weight, dy, dx, width, rows, eps, accumulate != 0, device.stream);
  });
}

int32_t rms_norm_dw_entry(const float * x, const float * dy, float * dw, int64_t width, int64_t rows, float eps) {
  return on_device([&] {
    require_array(width * rows, {x, dy, dw});
    auto * scratch = static_cast<float *>(device.scratch.need(rows * static_cast<int64_t>(sizeof(float))));
    rms_norm_dw(x, dy, dw, width, rows, eps, scratch, device.stream);
  });
}

int32_t swiglu_entry(const float * gate, const float * up, float * y, int64_t n) {
  return on_device([&] {
    require_array(n, {gate, up, y});
    swiglu(gate, up, y, n, device.stream);
  });
}

int32_t swiglu_back_entry(const float * gate, const float * up, const float * dy, float * dgate, float * dup,
                          int64_t n) {
  return on_device([&] {
    require_array(n, {gate, up, dy, dgate, dup});
    swiglu_back(gate, up, dy, dgate, dup, n, device.stream);
  });
}

int32_t sum_rows_entry(const float * dy, float * into, int64_t width, int64_t rows) {
  return on_device([&] {
    require_array(width * rows, {dy, into});
    sum_rows(dy, into, width, rows, device.stream);
  });
}

int32_t scatter_entry(const float * dy, const int32_t * rows, int64_t count, float * into, int64_t width, int64_t n,
                      int32_t zero) {
  return on_device([&] {
    require_array(count, {dy, rows});
    require_array(width * n, {into});
    scatter(dy, rows, count, into, width, n, zero != 0, device.stream);
  });
}

int32_t rope_table_entry(const int32_t * positions, const float * factors, float * table, int32_t dims, int64_t n,
                         const struct sphere_rope_settings * settings) {
  return on_device([&] {
    require_array(n, {positions, table});
    require(dims > 0 && dims % 2 == 0 && settings != nullptr, "rope_table: dims or settings");
    rope_table(positions, factors, table, dims, n, *settings, device.stream);
  });
}

const char * name() { return device.name; }

} // namespace

const sphere_device_api api = {
    sizeof(sphere_device_api),
    name,
    sphere_cuda_last_error,
    owns,
    alloc,
    release,
    copy,
    fill_zero,
    wait,
    sample_rows,
    logprob_rows,
    adamw_entry,
    sgd_entry,
    sum_squares_entry,
    log_probs_entry,
    log_probs_back_entry,
    attention_entry,
    attention_back_entry,
    rms_norm_entry,
    rms_norm_dx_entry,
    rms_norm_dw_entry,
    swiglu_entry,
    swiglu_back_entry,
    sum_rows_entry,
    scatter_entry,
    rope_table_entry,
};

} // namespace sphere::cuda
