/* SPDX-License-Identifier: Apache-2.0 */
/* What is configured, as it is in force: virtual segments, certificates. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/conf/config.h"
#include "lib/pki/cert.h"
#include "tpsd/report/control.h"
#include "tpsd/report/forward.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/server.h"
#include "tpsd/report/show_config.h"

const struct config *config_in_force(struct request *request)
{
	const struct config *config = request->control->config;

	if (!config)
		request_error(request, SL_EAGAIN, "no configuration is in force yet",
		              "see 'tps show log system'");
	return config;
}

static json_t *prefix_list(const struct config_prefixes *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->count; i++) {
		char text[ADDR_PREFIX_TEXT_MAX];

		(void)json_array_append_new(list,
		                            json_string(addr_format_prefix(&p->items[i], text)));
	}
	return list;
}

static json_t *vlan_list(const struct config_vlans *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->count; i++) {
		char text[24];

		(void)snprintf(text, sizeof(text),
		               v->items[i].first == v->items[i].last ? "%u" : "%u-%u",
		               v->items[i].first, v->items[i].last);
		(void)json_array_append_new(list,
		                            json_string(v->items[i].first ? text : "untagged"));
	}
	return list;
}

static const char *state_name(enum config_state state)
{
	static const char *const names[] = {"on", "off", "observe"};

	return (unsigned)state < SL_ARRAY_LEN(names) ? names[state] : "unknown";
}

static json_t *policy_list(const struct config_profile *profile)
{
	json_t *list = json_array();

	for (size_t i = 0; i < profile->server_policies_count; i++) {
		const struct config_server_policy *p = &profile->server_policies[i];
		char text[256];

		(void)snprintf(text, sizeof(text), "%.100s (%s, %sproxy %.100s)", p->common.name,
		               state_name(p->common.state), p->common.locked ? "locked, " : "",
		               p->proxy->common.name);
		(void)json_array_append_new(list, json_string(text));
	}
	return list;
}

void handle_show_virtual_segments(struct request *request)
{
	static const char *const directions[] = {"both", "a_to_b", "b_to_a"};
	const struct config *config = config_in_force(request);
	json_t *list;

	if (!config)
		return;
	list = json_array();
	for (size_t i = 0; i < config->virtual_segments_count; i++) {
		const struct config_virtual_segment *v = &config->virtual_segments[i];

		(void)json_array_append_new(
		        list, json_pack("{s:i,s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:o}", "order",
		                        (int)i + 1, "name", v->name, "segment", v->segment->name,
		                        "direction", directions[v->direction], "vlans",
		                        vlan_list(&v->vlans), "sources", prefix_list(&v->sources),
		                        "destinations", prefix_list(&v->destinations), "profile",
		                        v->profile->name, "policies", policy_list(v->profile)));
	}
	request_ok(request, list);
}

/* ---- certificates ------------------------------------------------------------------------ */

static void add_name(void *arg, const char *name)
{
	(void)json_array_append_new(arg, json_string(name));
}

static void set_time(json_t *object, const char *key, int64_t at)
{
	time_t seconds = (time_t)at;
	char text[32];
	struct tm tm;

	if (gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		(void)json_object_set_new(object, key, json_string(text));
}

static void describe_leaf(json_t *object, const struct pki_chain *chain)
{
	char text[PKI_SUBJECT_MAX], serial[PKI_SERIAL_MAX];
	struct pki_validity v;
	json_t *names = json_array();

	(void)pki_cert_names(chain->leaf, add_name, names);
	(void)json_object_set_new(object, "names", names);
	(void)json_object_set_new(object, "key",
	                          json_string(chain->kind == PKI_RSA ? "RSA" : "ECDSA"));
	if (pki_cert_validity(chain->leaf, (int64_t)time(NULL), &v) == 0) {
		(void)json_object_set_new(object, "status", json_string(pki_status_name(v.status)));
		(void)json_object_set_new(object, "days_left", json_integer(v.days_left));
		set_time(object, "not_after", v.not_after);
	}
	(void)json_object_set_new(object, "issuer",
	                          json_string(pki_cert_issuer(chain->leaf, text)));
	(void)json_object_set_new(object, "serial",
	                          json_string(pki_cert_serial(chain->leaf, serial)));
}

static json_t *describe_certificate(const struct config_certificate *cert)
{
	json_t *object =
	        json_pack("{s:s,s:s,s:s,s:s}", "name", cert->name, "file", cert->certificate,
	                  "key_file", cert->private_key, "key_id", cert->key_id);
	struct pki_chain *chain;
	struct pki_error err;

	if (config_load_chain(cert, &chain, &err) != 0) {
		(void)json_object_set_new(object, "status", json_string("unreadable"));
		(void)json_object_set_new(object, "error", json_string(err.text));
		return object;
	}
	describe_leaf(object, chain);
	pki_chain_destroy(chain);
	return object;
}

void handle_show_certificates(struct request *request)
{
	const struct config *config = config_in_force(request);
	json_t *list;

	if (!config)
		return;
	list = json_array();
	for (size_t i = 0; i < config->certificates_count; i++)
		(void)json_array_append_new(list, describe_certificate(&config->certificates[i]));
	request_ok(request, list);
}
