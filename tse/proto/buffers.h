/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the rule buffers of a header block: those that some rule looks into, as places in the
 * block where they are as sent, in the engine's work memory where they are normalised.
 */
#pragma once

struct tse_engine;

/* Of e->head, in direction e->dir; fills e->buffers. */
void buffers_make(struct tse_engine *e);
