/* SPDX-License-Identifier: Apache-2.0 */
/* Documents to images. Rules are text in the image that lib/conf gathers; here they become rule
 * sets beside it, one a profile. */
#include "tpsd/report/compile.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/thread.h"
#include "lib/conf/canon.h"
#include "lib/conf/config.h"
#include "lib/conf/image.h"
#include "lib/conf/node.h"
#include "tse/include/tse.h"

enum {
	RULE_SET_MAX = 512 * 1024 * 1024, /* bytes of a serialised one */
	RULE_NOTICES_MAX = 200,           /* listed; the rest is counted */
	SECTION_NAME_MAX = CONF_IMAGE_NAME_MAX,
};

/* ---- rules ------------------------------------------------------------------------------- */

struct rule_report {
	struct conf_errors *errs;
	unsigned listed;
};

/* A rule that does not load is left out and named; the rest of the set serves. */
static void on_diag(void *arg, const struct tse_diag *diag)
{
	struct rule_report *report = arg;
	const struct conf_node place = {
	        .kind = CONF_NULL, .file = diag->file, .line = diag->line, .column = diag->column};

	if (report->listed++ < RULE_NOTICES_MAX)
		conf_errors_notice(report->errs, &place, diag->remedy, "rule %u %s: %s", diag->sid,
		                   diag->warning ? "is slow" : "is left out", diag->text);
}

static struct tse_action action_of(const struct config_action_set *set)
{
	return (struct tse_action){.block = set->action == CONFIG_VERB_BLOCK,
	                           .notify = set->notify,
	                           .reset = (enum tse_reset)set->tcp_reset};
}

static int make_sources(const struct conf_image_maker *maker, const struct config_profile *profile,
                        struct tse_source *sources)
{
	for (size_t i = 0; i < profile->filters_count; i++) {
		const struct config_filters *f = &profile->filters[i];
		char name[SECTION_NAME_MAX];
		const void *text;
		int rc;

		(void)snprintf(name, sizeof(name), CONF_SECTION_RULES, f->rules);
		rc = conf_image_maker_section(maker, name, &text, &sources[i].len);
		if (rc != 0)
			return rc;
		sources[i].name = f->rules;
		sources[i].text = text;
		sources[i].override_action = f->action_set != NULL;
		if (f->action_set)
			sources[i].action = action_of(f->action_set);
	}
	return 0;
}

static int compile_rules(const struct conf_image_maker *maker, const struct config *config,
                         const struct config_profile *profile, struct conf_errors *errs,
                         struct tse_ruleset **ret_set)
{
	struct rule_report report = {.errs = errs};
	struct tse_source *sources = calloc(profile->filters_count + 1, sizeof(*sources));
	struct tse_variable *variables = calloc(profile->variables_count + 1, sizeof(*variables));
	struct tse_compile how = {.sources = sources,
	                          .nsources = profile->filters_count,
	                          .variables = variables,
	                          .nvariables = profile->variables_count,
	                          .diag = on_diag,
	                          .diag_arg = &report,
	                          .max_rules = config->limits.rules};
	int rc = sources && variables ? make_sources(maker, profile, sources) : SL_ENOMEM;

	for (size_t i = 0; rc == 0 && i < profile->variables_count; i++)
		variables[i] = (struct tse_variable){profile->variables[i].name,
		                                     profile->variables[i].value};
	if (rc == 0)
		rc = tse_ruleset_compile(&how, ret_set);
	if (report.listed > RULE_NOTICES_MAX)
		conf_errors_notice(errs, NULL, "", "profile %s: %u more rules are left out or slow",
		                   profile->name, report.listed - RULE_NOTICES_MAX);
	free(sources);
	free(variables);
	return rc;
}

static int add_rule_set(struct conf_image_maker *maker, const struct config *config,
                        const struct config_profile *profile, struct conf_errors *errs)
{
	char name[SECTION_NAME_MAX];
	struct tse_ruleset *set;
	struct buf bytes;
	int rc = compile_rules(maker, config, profile, errs, &set);

	if (rc != 0)
		return conf_errors_add(
		        errs, NULL, rc, rc == SL_ELIMIT ? "raise limits.rules or load fewer" : "",
		        "the rules of profile %s do not compile: %s", profile->name, err_text(rc));
	buf_init(&bytes, RULE_SET_MAX);
	rc = tse_ruleset_serialise(set, &bytes);
	tse_ruleset_destroy(set);
	(void)snprintf(name, sizeof(name), CONF_SECTION_RULE_SET, profile->name);
	if (rc == 0)
		rc = conf_image_add(maker, name, bytes.data, bytes.len);
	buf_fini(&bytes);
	if (rc != 0)
		(void)conf_errors_add(errs, NULL, rc, "", "the rules of profile %s: %s",
		                      profile->name, err_text(rc));
	return rc;
}

/* ---- documents --------------------------------------------------------------------------- */

static bool is_json(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".json") == 0;
}

static int keep_document(const struct conf_image_maker *maker, struct compiled *c)
{
	const void *text;
	size_t len;
	int rc = conf_image_maker_section(maker, CONF_SECTION_DOCUMENT, &text, &len);

	if (rc != 0)
		return rc;
	c->document = malloc(len + 1);
	if (!c->document)
		return SL_ENOMEM;
	memcpy(c->document, text, len);
	c->document_len = len;
	return 0;
}

static int finish_image(struct conf_image_maker *maker, struct compiled *c)
{
	struct stat st;
	int rc = keep_document(maker, c);

	if (rc == 0)
		rc = conf_image_finish_fd(maker, &c->fd);

	if (rc != 0 || fstat(c->fd, &st) != 0)
		return conf_errors_add(&c->errs, NULL, rc ? rc : SL_ESYS, "",
		                       "the compiled image cannot be made: %s", err_text(rc));
	c->size = (size_t)st.st_size;
	c->config = config_get(conf_image_maker_config(maker));
	return 0;
}

static int compile_root(const struct conf_node *root, uint32_t revision, struct compiled *c)
{
	struct conf_image_maker *maker;
	const struct config *config;
	int rc = conf_image_create(root, revision, &c->errs, &maker);

	if (rc != 0)
		return rc;
	config = conf_image_maker_config(maker);
	for (size_t i = 0; i < config->profiles_count && rc == 0; i++)
		if (config->profiles[i].filters_count > 0)
			rc = add_rule_set(maker, config, &config->profiles[i], &c->errs);
	if (rc == 0)
		rc = conf_canonical_sha256(root, c->sha256);
	if (rc == 0)
		rc = finish_image(maker, c);
	conf_image_maker_destroy(maker);
	return rc;
}

void compile_now(const struct compile_source *source, struct compiled *ret)
{
	struct conf_document *doc;
	int rc;

	*ret = (struct compiled){.fd = -1};
	conf_errors_init(&ret->errs);
	if (is_json(source->name))
		rc = conf_load_json(source->name, source->text, source->len, &ret->errs, &doc);
	else
		rc = conf_load_yaml(source->name, source->text, source->len, &ret->errs, &doc);
	if (rc == 0) {
		rc = compile_root(conf_document_root(doc), source->revision, ret);
		conf_document_destroy(doc);
	}
	ret->status = rc;
}

void compiled_fini(struct compiled *compiled)
{
	conf_errors_fini(&compiled->errs);
	config_put(compiled->config);
	compiled->config = NULL;
	free(compiled->document);
	compiled->document = NULL;
	if (compiled->fd >= 0)
		(void)close(compiled->fd);
	compiled->fd = -1;
}

/* ---- the thread -------------------------------------------------------------------------- */

struct compile {
	struct loop_source source; /* first */
	pthread_t thread;
	int event_fd;
	char *name;
	struct buf text;
	uint32_t revision;
	struct compiled result;
	compile_done_fn *fn;
	void *arg;
};

static void *run(void *arg)
{
	struct compile *c = arg;
	const struct compile_source source = {.name = c->name,
	                                      .text = c->text.data ? c->text.data : (uint8_t *)"",
	                                      .len = c->text.len,
	                                      .revision = c->revision};
	uint64_t one = 1;

	compile_now(&source, &c->result);
	(void)!write(c->event_fd, &one, sizeof(one));
	return NULL;
}

static void destroy(struct compile *c)
{
	loop_remove(&c->source);
	if (c->event_fd >= 0)
		(void)close(c->event_fd);
	compiled_fini(&c->result);
	buf_fini(&c->text);
	free(c->name);
	free(c);
}

static void on_done(struct loop_source *source, uint32_t events)
{
	struct compile *c = (struct compile *)source;

	(void)pthread_join(c->thread, NULL);
	c->fn(c->arg, &c->result);
	destroy(c);
}

int compile_start(struct loop *loop, const struct compile_source *source, compile_done_fn *fn,
                  void *arg, struct compile **ret_compile)
{
	struct compile *c = calloc(1, sizeof(*c));
	int rc = SL_ENOMEM;

	if (!c)
		return SL_ENOMEM;
	c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->result.fd = -1;
	conf_errors_init(&c->result.errs);
	buf_init(&c->text, CONF_DOCUMENT_MAX + 2);
	c->name = strdup(source->name);
	c->revision = source->revision;
	c->fn = fn;
	c->arg = arg;
	if (c->name && c->event_fd >= 0)
		rc = buf_add(&c->text, source->text, source->len);
	if (rc == 0)
		rc = loop_add(loop, &c->source, c->event_fd, EPOLLIN, on_done);
	if (rc == 0)
		rc = thread_begin(run, c, &c->thread);
	if (rc != 0) {
		destroy(c);
		return rc;
	}
	*ret_compile = c;
	return 0;
}

void compile_abandon(struct compile *compile)
{
	if (!compile)
		return;
	(void)pthread_join(compile->thread, NULL);
	destroy(compile);
}
