/* SPDX-License-Identifier: Apache-2.0 */
/* Counters in Prometheus' text format (version 0.0.4). */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/event/counter.h"
#include "tpsd/report/metrics.h"

/* "npSslInspStats", "clientCipherOther" -> "sluice_np_ssl_insp_stats_client_cipher_other". */
static void metric_name(const char *group, const char *name, char *text, size_t size)
{
	const char *const parts[] = {"sluice", group, name};
	size_t n = 0;

	for (size_t part = 0; part < SL_ARRAY_LEN(parts); part++) {
		if (part > 0 && n + 1 < size)
			text[n++] = '_';
		for (const char *p = parts[part]; *p && n + 2 < size; p++) {
			if (isupper((unsigned char)*p) && p > parts[part])
				text[n++] = '_';
			text[n++] = (char)tolower((unsigned char)*p);
		}
	}
	text[n] = '\0';
}

static int write_counter(const struct counter_file *file, enum counter c, struct buf *out)
{
	bool gauge = counter_kind(c) == COUNTER_KIND_GAUGE;
	const char *suffix = gauge ? "" : "_total";
	char name[128];

	metric_name(counter_group(c), counter_name(c), name, sizeof(name));
	return buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n%s%s %" PRIu64 "\n", name, suffix,
	                  counter_help(c), name, suffix, gauge ? "gauge" : "counter", name, suffix,
	                  counter_sum(file, c));
}

static int write_reasons(const struct counter_file *file, struct buf *out)
{
	int rc = buf_printf(out, "# HELP sluice_ended_total flows and sessions by the reason of "
	                         "their end\n# TYPE sluice_ended_total counter\n");

	for (unsigned i = REASON_NONE + 1; i < REASON_END && rc == 0; i++)
		rc = buf_printf(out,
		                "sluice_ended_total{reason=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
		                reason_name((enum reason)i),
		                reason_outcome_name(reason_outcome((enum reason)i)),
		                counter_sum_reason(file, (enum reason)i));
	return rc;
}

static int write_histogram(const struct counter_file *file, enum histogram h, struct buf *out)
{
	struct counter_histogram sum;
	char name[128];
	uint64_t n = 0;
	int rc;

	counter_sum_histogram(file, h, &sum);
	metric_name(histogram_name(h), "seconds", name, sizeof(name));
	rc = buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, histogram_help(h), name);
	for (unsigned i = 0; i <= HISTOGRAM_BUCKETS && rc == 0; i++) {
		uint64_t bound = histogram_bound_us(i);

		n += sum.buckets[i];
		if (bound)
			rc = buf_printf(out, "%s_bucket{le=\"%.6f\"} %" PRIu64 "\n", name,
			                (double)bound / 1e6, n);
		else
			rc = buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, n);
	}
	if (rc == 0)
		rc = buf_printf(out, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name,
		                (double)sum.sum_us / 1e6, name, n);
	return rc;
}

int metrics_write_counters(const struct counter_file *file, struct buf *out)
{
	int rc = 0;

	for (unsigned i = 0; i < COUNTER_END && rc == 0; i++)
		rc = write_counter(file, (enum counter)i, out);
	if (rc == 0)
		rc = write_reasons(file, out);
	for (unsigned i = 0; i < HISTOGRAM_END && rc == 0; i++)
		rc = write_histogram(file, (enum histogram)i, out);
	return rc;
}
