/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps pki check-clients: which clients still do not trust the root. They say so by an alert at the
 * end of the handshake, which is in the SSL inspection log.
 */
#include <string.h>

#include "lib/base/attr.h"
#include "tps/pki_priv.h"
#include "tps/render.h"

/* How clients say that they do not know the CA (RFC 8446 section 6.2); stacks differ. */
static bool is_about_trust(const char *alert)
{
	static const char *const alerts[] = {"unknown_ca", "certificate_unknown",
	                                     "bad_certificate"};

	for (size_t i = 0; i < SL_ARRAY_LEN(alerts); i++)
		if (strcmp(alert, alerts[i]) == 0)
			return true;
	return false;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The row of a client; made when it is the first time. */
static json_t *row_of(json_t *rows, const char *client)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(text_of(row, "client"), client) == 0)
			return row;
	}
	row = json_pack("{s:s,s:i}", "client", client, "refused", 0);
	(void)json_array_append_new(rows, row);
	return row;
}

void tps_pki_count_event(json_t *rows, const json_t *event)
{
	const json_t *tls = json_object_get(event, "tls");
	const char *alert = text_of(json_object_get(tls, "client"), "alert_in");
	const json_t *repeats = json_object_get(event, "count");
	json_int_t count = json_is_integer(repeats) ? json_integer_value(repeats) : 1;
	json_t *row;

	if (!is_about_trust(alert) || text_of(event, "src_ip")[0] == '\0')
		return;
	row = row_of(rows, text_of(event, "src_ip"));
	count += json_integer_value(json_object_get(row, "refused"));
	(void)json_object_set_new(row, "refused", json_integer(count));
	(void)json_object_set_new(row, "last", json_string(text_of(event, "timestamp")));
	(void)json_object_set_new(row, "alert", json_string(alert));
	(void)json_object_set_new(row, "server", json_string(text_of(tls, "sni")));
	(void)json_object_set_new(row, "policy", json_string(text_of(event, "policy")));
}

/* Events come one by one or as a list. */
static bool on_events(void *arg, const json_t *data)
{
	const json_t *event;
	size_t i;

	if (!json_is_array(data)) {
		tps_pki_count_event(arg, data);
		return true;
	}
	json_array_foreach(data, i, event)
	{
		tps_pki_count_event(arg, event);
	}
	return true;
}

enum tps_exit tps_pki_check_clients(struct tps *tps, const struct cli_command *command)
{
	json_t *arguments = json_pack("{s:s,s:s,s:s}", "kind", "ssl_inspection", "last", "5000",
	                              "filter", "reason=client_alert");
	json_t *rows = json_array();
	json_t *error = NULL;
	enum tps_exit status = tps_connect(tps);

	if (status == TPS_OK)
		status =
		        client_request(tps->client, "show log", arguments, on_events, rows, &error);
	if (error)
		render_error(error, tps->json, stderr);
	json_decref(error);
	json_decref(arguments);
	if (status != TPS_OK) {
		json_decref(rows);
		return status;
	}
	return tps_pki_tell(tps, command, rows);
}
