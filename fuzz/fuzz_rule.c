/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of the rule reader: any text compiles or is refused, and what loads can be fed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tse/include/tse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
        "POST /a/../b?c=%41 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tse_variable variables[] = {{"HOME_NET", "[10.0.0.0/8,!10.1.0.0/16]"}};
	struct tse_source source = {.name = "fuzz", .text = (const char *)data, .len = size};
	struct tse_compile how = {.sources = &source,
	                          .nsources = 1,
	                          .variables = variables,
	                          .nvariables = 1,
	                          .max_rules = 50};
	struct tse_tuple tuple = {0};
	struct tse_ruleset *set;
	struct tse_engine *engine;
	struct tse_flow *flow;
	struct tse_result result;
	uint8_t traffic[sizeof(text) - 1];

	if (tse_ruleset_compile(&how, &set) != 0)
		return 0;
	if (tse_engine_create(set, NULL, &engine) == 0) {
		if (tse_flow_begin(engine, &tuple, TSE_SERVICE_HTTP, &flow) == 0) {
			memcpy(traffic, text, sizeof(traffic));
			tse_feed(flow, TSE_TO_SERVER, traffic, sizeof(traffic), true, &result);
			tse_flow_end(flow);
		}
		tse_engine_destroy(engine);
	}
	tse_ruleset_destroy(set);
	return 0;
}
