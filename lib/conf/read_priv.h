/* SPDX-License-Identifier: Apache-2.0 */
/* Between reading scalars and reading what is made of them; nothing else in lib/conf needs it. */
#pragma once

#include "lib/conf/build_priv.h"

/* Copies `len` bytes to `at`; NULL: checked only. */
void read_store(void *at, const void *value, size_t len) SL_NONNULL(2);

/* Any scalar by its row. `node` NULL: a default, which is taken as it is. */
void read_scalar(struct build *b, const struct conf_field *f, const struct conf_node *node,
                 const char *text, void *at) SL_NONNULL(1, 2, 4);

/* The number of a word, or -1 after an error has been added. */
int read_word(struct build *b, const struct conf_field *f, const struct conf_node *node,
              const char *text) SL_NONNULL(1, 2, 4);

/* A copy of a text; the pointer to it goes to `at`. */
void read_text(struct build *b, const struct conf_field *f, const struct conf_node *node,
               const char *text, void *at) SL_NONNULL(1, 2, 4);

/* A reference, to be looked up when everything is read. */
void read_ref(struct build *b, const struct conf_field *f, const struct conf_node *node, void *at)
        SL_NONNULL(1, 2, 3);
