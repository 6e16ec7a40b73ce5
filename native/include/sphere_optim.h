/*
 * Sphere: optimizer kernels over F32 arrays.
 *
 * Every function works in place, in one pass, and gives the same bits whatever the number of threads: the element-wise
 * updates are independent, and sums add fixed blocks in a fixed order. Products and sums are rounded separately (no
 * fused multiply-add), so a plain Java loop gives the same bits too.
 *
 * All functions return a sphere_status; on SPHERE_INVALID_ARGUMENT (a null array, a negative length) nothing is
 * written. Arrays must not overlap. n may be 0. threads < 1 means 1.
 */
#ifndef SPHERE_OPTIM_H
#define SPHERE_OPTIM_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define SPHERE_API __declspec(dllexport)
#else
#define SPHERE_API __attribute__((visibility("default")))
#endif

#define SPHERE_OPTIM_OK 0
#define SPHERE_OPTIM_E_ARGUMENT (-1) /* a null array or a negative length */
#define SPHERE_OPTIM_E_INTERNAL (-2) /* an exception in the library */

/*
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101), decoupled weight decay:
 *   g = grad_scale * gradient
 *   m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g g
 *   value = keep value - step_size * m / (sqrt(v) * root_scale + epsilon)
 * value, gradient, m, v   n floats each
 * grad_scale              factor on the gradient (clipping), usually 1
 * keep                    1 - learning rate * weight decay
 * step_size               learning rate / (1 - beta1^t), t = 1, 2, ...
 * root_scale              1 / sqrt(1 - beta2^t)
 * clear                   not 0: the gradient is zeroed in the same pass
 */
SPHERE_API int32_t sphere_adamw(float * value, float * gradient, float * m, float * v, int64_t n, float grad_scale,
                                float keep, float step_size, float beta1, float beta2, float root_scale, float epsilon,
                                int32_t clear, int32_t threads);

/*
 * SGD with optional momentum and decoupled weight decay:
 *   g = grad_scale * gradient; velocity = momentum velocity + g; value = keep value - step_size * velocity
 * velocity   n floats, or null for plain SGD (then velocity = g)
 */
SPHERE_API int32_t sphere_sgd(float * value, float * gradient, float * velocity, int64_t n, float grad_scale,
                              float keep, float step_size, float momentum, int32_t clear, int32_t threads);

/*
 * Sum of squares in double precision, by blocks of 4096 elements with 8 running sums each, added in order.
 * sum   receives the sum; NaN or infinity in x shows in it
 */
SPHERE_API int32_t sphere_sum_squares(const float * x, int64_t n, int32_t threads, double * sum);

/* x = 0 */
SPHERE_API int32_t sphere_zero(float * x, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
