/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A document to what all processes share: checked, built, with the files that it names read and the
 * rules compiled, in one sealed memfd. It may take seconds for many rules, so it runs on a thread
 * of its own, which touches nothing of the process but what it is given; `control`'s loop, and with
 * it the heartbeat, goes on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/loop.h"
#include "lib/conf/error.h"

struct config;
struct compile;

struct compile_source {
	const char *name; /* in errors; relative paths in the document start from its folder */
	const void *text; /* all copied */
	size_t len;
	uint32_t revision;
};

struct compiled {
	struct conf_errors errs; /* refusals and notices */
	int status;              /* 0 or the first refusal's code */
	int fd;                  /* sealed memfd, -1 on error */
	size_t size;
	struct config *config;
	uint8_t sha256[32];
	void *document; /* canonical, malloc'ed: what sha256 is of */
	size_t document_len;
};

/* The same at once, on the caller's thread. *ret is always set; compiled_fini it. */
void compile_now(const struct compile_source *source, struct compiled *ret) SL_NONNULL(1, 2);
void compiled_fini(struct compiled *compiled) SL_NONNULL(1);

/* Called from the loop; `compiled` is the callee's to take from and is finished afterwards. */
typedef void compile_done_fn(void *arg, struct compiled *compiled);

/* Starts; `fn` is called once unless compile_abandon comes first. SL_ENOMEM, SL_ESYS. */
int compile_start(struct loop *loop, const struct compile_source *source, compile_done_fn *fn,
                  void *arg, struct compile **ret_compile) SL_NONNULL(1, 2, 3, 5) SL_MUST;

/* Waits for the thread and throws its result away. */
void compile_abandon(struct compile *compile);
