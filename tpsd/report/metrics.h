/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus text at http://ADDRESS:PORT/metrics (device.metrics): every counter and gauge, the
 * reasons, histograms, panic mode. A responder of our own on the loop: one GET a connection,
 * bounded in number, size and time. libevent's evhttp would bring a second event loop and a
 * general HTTP server into the process for one page. `control`.
 */
#pragma once

#include "lib/base/attr.h"

struct buf;
struct config;
struct control;
struct counter_file;
struct metrics;

enum { METRICS_CLIENTS_MAX = 8, METRICS_REQUEST_MAX = 4096, METRICS_TIMEOUT_S = 5 };

int metrics_open(struct control *control, struct metrics **ret_metrics) SL_NONNULL(1, 2) SL_MUST;
void metrics_close(struct metrics *metrics);

/* Listens where the configuration says; port 0 ends it. An address that cannot be had is said. */
void metrics_configure(struct metrics *metrics, const struct config *config) SL_NONNULL(1, 2);

/* The text of all counters, gauges, reasons and histograms. SL_ENOMEM, SL_ELIMIT. */
int metrics_write_counters(const struct counter_file *file, struct buf *out)
        SL_NONNULL(1, 2) SL_MUST;
