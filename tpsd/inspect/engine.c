/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/inspect/engine.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/conf/config.h"
#include "lib/conf/image.h"
#include "tpsd/inspect/inspector.h"

struct engine {
	struct inspector inspector;
	struct tse_ruleset *set;
	struct tse_engine *engine;
};

static int engine_begin(struct inspector *i, const struct tse_tuple *tuple,
                        enum tse_service service, void **ret_flow)
{
	struct engine *e = (struct engine *)i;
	struct tse_flow *flow;
	int rc = tse_flow_begin(e->engine, tuple, service, &flow);

	if (rc == 0)
		*ret_flow = flow;
	return rc;
}

static void engine_feed(void *flow, enum tse_direction direction, uint8_t *view, size_t len,
                        bool eof, struct tse_result *ret)
{
	tse_feed(flow, direction, view, len, eof, ret);
}

static void engine_hide_quic(void *flow)
{
	tse_flow_hide_quic(flow);
}

static void engine_join(void *flow, void *requests)
{
	tse_flow_join(flow, requests);
}

static bool engine_http(const void *flow, struct tse_http_info *ret_info)
{
	return tse_flow_http(flow, ret_info);
}

static uint64_t engine_bytes(const void *flow)
{
	return tse_flow_bytes(flow);
}

static void engine_end(void *flow)
{
	tse_flow_end(flow);
}

static void engine_destroy(struct inspector *i)
{
	struct engine *e = (struct engine *)i;

	tse_engine_destroy(e->engine);
	tse_ruleset_destroy(e->set);
	free(e);
}

static const struct inspector_ops engine_ops = {
        .begin = engine_begin,
        .join = engine_join,
        .feed = engine_feed,
        .hide_quic = engine_hide_quic,
        .http = engine_http,
        .bytes = engine_bytes,
        .end = engine_end,
        .destroy = engine_destroy,
};

static void say(void *arg, const struct tse_diag *d)
{
	const struct config_profile *profile = arg;

	log_write(d->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "profile %s: %s:%u: sid %u: %s",
	          profile->name, d->file, d->line, d->sid, d->text);
}

static struct tse_source source_of(const struct conf_image *image, const struct config_filters *f)
{
	struct tse_source s = {.name = f->rules, .text = "", .override_action = f->action_set};
	const void *text;
	size_t len;

	if (conf_image_section_of(image, CONF_SECTION_RULES, f->rules, &text, &len) == 0) {
		s.text = text;
		s.len = len;
	}
	if (f->action_set)
		s.action = (struct tse_action){
		        .block = f->action_set->action == CONFIG_VERB_BLOCK,
		        .notify = f->action_set->notify,
		        .reset = (enum tse_reset)f->action_set->tcp_reset,
		};
	return s;
}

static int compile(const struct conf_image *image, const struct config *config,
                   const struct config_profile *profile, struct tse_ruleset **ret_set)
{
	struct tse_source *sources = calloc(profile->filters_count, sizeof(*sources));
	struct tse_variable *variables = calloc(profile->variables_count + 1, sizeof(*variables));
	struct tse_compile how = {.sources = sources,
	                          .nsources = profile->filters_count,
	                          .variables = variables,
	                          .nvariables = profile->variables_count,
	                          .diag = say,
	                          .diag_arg = (void *)profile,
	                          .max_rules = config->limits.rules};
	int rc = SL_ENOMEM;

	if (sources && variables) {
		for (size_t i = 0; i < profile->filters_count; i++)
			sources[i] = source_of(image, &profile->filters[i]);
		for (size_t i = 0; i < profile->variables_count; i++)
			variables[i] = (struct tse_variable){profile->variables[i].name,
			                                     profile->variables[i].value};
		rc = tse_ruleset_compile(&how, ret_set);
	}
	free(sources);
	free(variables);
	return rc;
}

static int open_set(const struct conf_image *image, const struct config *config,
                    const struct config_profile *profile, struct tse_ruleset **ret_set)
{
	const void *data;
	size_t len;
	int rc = conf_image_section_of(image, CONF_SECTION_RULE_SET, profile->name, &data, &len);

	if (rc == SL_ENOENT)
		return compile(image, config, profile, ret_set);
	return rc == 0 ? tse_ruleset_open(data, len, ret_set) : rc;
}

int engine_inspector_create(const struct conf_image *image, const struct config *config,
                            const struct config_profile *profile, struct inspector **ret)
{
	const struct tse_limits limits = {
	        .hold_max = config->limits.hold_buffer,
	        .hold_overflow_block = config->ssl_inspection.on_hold_limit == CONFIG_HOLD_BLOCK,
	        .header_max = config->limits.http_header,
	        .body_decoded_max = config->limits.decoded_body,
	        .decode_ratio_max = config->limits.decode_ratio,
	};
	struct engine *e;
	int rc;

	*ret = NULL;
	if (profile->filters_count == 0)
		return 0;
	e = calloc(1, sizeof(*e));
	if (!e)
		return SL_ENOMEM;
	e->inspector.ops = &engine_ops;
	rc = open_set(image, config, profile, &e->set);
	if (rc == 0)
		rc = tse_engine_create(e->set, &limits, &e->engine);
	if (rc != 0) {
		engine_destroy(&e->inspector);
		return rc;
	}
	*ret = &e->inspector;
	return 0;
}
