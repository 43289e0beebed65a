/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the load program counts, and how it tells: one line of JSON for bench/run.
 */
#include "bench/load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t load_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int stat_init(struct load_stat *stat)
{
	memset(stat, 0, sizeof(*stat));
	stat->us = malloc(LOAD_SAMPLES_MAX * sizeof(*stat->us));
	return stat->us ? 0 : -ENOMEM;
}

void stat_fini(struct load_stat *stat)
{
	free(stat->us);
}

void stat_op(struct load_stat *stat, uint64_t start_ns)
{
	stat->all_ops++;
	if (!stat->measuring)
		return;
	stat->ops++;
	if (stat->nus < LOAD_SAMPLES_MAX)
		stat->us[stat->nus++] = (uint32_t)((load_now_ns() - start_ns) / 1000);
}

static void add_fault(struct load_stat *sum, const char *text, uint64_t count)
{
	for (unsigned i = 0; i < LOAD_FAULTS_MAX; i++) {
		if (sum->fault[i].count == 0)
			snprintf(sum->fault[i].text, sizeof(sum->fault[i].text), "%s", text);
		if (strcmp(sum->fault[i].text, text) == 0) {
			sum->fault[i].count += count;
			return;
		}
	}
}

void stat_fault(struct load_stat *stat, const char *format, ...)
{
	char text[sizeof(stat->fault[0].text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	stat->faults++;
	add_fault(stat, text, 1);
}

void stat_add(struct load_stat *sum, const struct load_stat *other)
{
	unsigned room = LOAD_SAMPLES_MAX - sum->nus;
	unsigned taken = other->nus < room ? other->nus : room;

	if (other->begin_ns < sum->begin_ns)
		sum->begin_ns = other->begin_ns;
	if (other->end_ns > sum->end_ns)
		sum->end_ns = other->end_ns;
	sum->ops += other->ops;
	sum->bytes += other->bytes;
	sum->all_ops += other->all_ops;
	sum->all_bytes += other->all_bytes;
	sum->full += other->full;
	sum->resumed += other->resumed;
	sum->unclean += other->unclean;
	sum->faults += other->faults;
	for (unsigned i = 0; i < LOAD_FAULTS_MAX && other->fault[i].count; i++)
		add_fault(sum, other->fault[i].text, other->fault[i].count);
	memcpy(sum->us + sum->nus, other->us, taken * sizeof(*sum->us));
	sum->nus += taken;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t percentile(const struct load_stat *stat, unsigned percent)
{
	return stat->nus ? stat->us[(uint64_t)(stat->nus - 1) * percent / 100] : 0;
}

/* Fault texts are ours and OpenSSL's: printable, but a quote or backslash must not break JSON. */
static void print_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		fputc(c < ' ' || c == '"' || c == '\\' ? '\'' : c, out);
	}
	fputc('"', out);
}

void stat_print(struct load_stat *stat, FILE *out)
{
	qsort(stat->us, stat->nus, sizeof(*stat->us), compare_u32);
	fprintf(out,
	        "{\"event\":\"end\",\"seconds\":%.6f,\"ops\":%llu,\"bytes\":%llu,\"p50_us\":%u,"
	        "\"p99_us\":%u,\"all_ops\":%llu,\"all_bytes\":%llu,\"full\":%llu,\"resumed\":%llu,"
	        "\"unclean\":%llu,\"faults\":%llu,\"fault\":{",
	        (double)(stat->end_ns - stat->begin_ns) / 1e9, (unsigned long long)stat->ops,
	        (unsigned long long)stat->bytes, percentile(stat, 50), percentile(stat, 99),
	        (unsigned long long)stat->all_ops, (unsigned long long)stat->all_bytes,
	        (unsigned long long)stat->full, (unsigned long long)stat->resumed,
	        (unsigned long long)stat->unclean, (unsigned long long)stat->faults);
	for (unsigned i = 0; i < LOAD_FAULTS_MAX && stat->fault[i].count; i++) {
		if (i)
			fputc(',', out);
		print_string(stat->fault[i].text, out);
		fprintf(out, ":%llu", (unsigned long long)stat->fault[i].count);
	}
	fputs("}}\n", out);
	fflush(out);
}
