/* SPDX-License-Identifier: Apache-2.0 */
/* What the device is doing, and what has come of it so far. */
#include <string.h>

#include "lib/conf/config.h"
#include "lib/event/counter.h"
#include "tpsd/report/control.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/troubleshoot_priv.h"

static unsigned long long count(const struct trouble *t, enum counter c)
{
	return counter_sum(t->control->proc->counter_file, c);
}

static unsigned long long ended(const struct trouble *t, enum reason r)
{
	return counter_sum_reason(t->control->proc->counter_file, r);
}

static const char *segment_trouble(const json_t *s)
{
	static const char *const ports[] = {"port_a", "port_b"};

	for (size_t i = 0; i < SL_ARRAY_LEN(ports); i++) {
		const char *link =
		        json_string_value(json_object_get(json_object_get(s, ports[i]), "link"));

		if (link && strcmp(link, "up") != 0)
			return ports[i];
	}
	return NULL;
}

void trouble_check_segment(const struct trouble *t, struct verdict *v)
{
	json_t *one;
	size_t i;

	if (!t->segments) {
		verdict_fail(v, "see 'tps show processes'", "wire does not answer");
		return;
	}
	json_array_foreach(t->segments, i, one)
	{
		const char *port = segment_trouble(one);

		if (port) {
			verdict_fail(v, "check the cable and the other end",
			             "segment %.100s: the link of %s is down",
			             json_string_value(json_object_get(one, "name")), port);
			return;
		}
	}
	verdict_say(v, "%zu segments, all links are up", json_array_size(t->segments));
}

void trouble_check_panic(const struct trouble *t, struct verdict *v)
{
	int step = (int)panic_step(t->control->panic);

	if (step != 0)
		verdict_fail(v, "'tps panic clear'", "panic mode is on, step %d", step);
	else if (t->control->draining)
		verdict_fail(v, "'tps drain --off'", "the device drains");
	else
		verdict_say(v, "off");
}

void trouble_check_threshold(const struct trouble *t, struct verdict *v)
{
	unsigned long long active = count(t, COUNTER_active), refused = ended(t, REASON_OVERLOAD);
	uint32_t limit = t->config->limits.sessions;

	if (limit > 0 && active >= limit)
		verdict_fail(v, "raise limits.sessions, or see 'tps show capacity'",
		             "%llu sessions of %u are open", active, limit);
	else if (refused > 0)
		verdict_fail(v, "see 'tps show capacity' for the limit that binds",
		             "%llu flows were turned away by a limit", refused);
	else
		verdict_say(v, "%llu sessions of %u are open, none was turned away", active, limit);
}

void trouble_check_traffic(const struct trouble *t, struct verdict *v)
{
	unsigned long long watched = count(t, COUNTER_watched_flows),
	                   taken = count(t, COUNTER_taken);

	if (watched == 0)
		verdict_fail(v,
		             "look at cabling, routing and the proxy's addresses: the device sees "
		             "no such "
		             "connection",
		             "no TCP connection to a watched address was seen");
	else if (taken == 0)
		verdict_fail(v, "see 'tps show ssl-inspection failures'",
		             "%llu connections were watched, none was taken over", watched);
	else
		verdict_say(v, "%llu connections were watched, %llu taken over", watched, taken);
}

void trouble_check_inspected(const struct trouble *t, struct verdict *v)
{
	unsigned long long established = count(t, COUNTER_established);
	unsigned long long bytes = count(t, COUNTER_bytes_inspected);

	if (established > 0 && bytes == 0)
		verdict_fail(v, "name filters in the profile, and decrypted_service as it is",
		             "%llu sessions were decrypted and no byte of them was read",
		             established);
	else
		verdict_say(v, "%llu sessions decrypted, %llu bytes read", established, bytes);
}

void trouble_check_server_leg(const struct trouble *t, struct verdict *v)
{
	unsigned long long failures = count(t, COUNTER_serverConnectionFailures);

	if (failures > 0)
		verdict_fail(v, "'tps probe' the server, and 'tps show ssl-inspection failures'",
		             "%llu TLS connections to servers failed", failures);
	else
		verdict_say(v, "none failed");
}

/* Blocked for a class that has a setting. */
void trouble_check_failure_class(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = 0, most = 0;
	enum reason worst = REASON_NONE;

	for (unsigned r = 0; r < REASON_END; r++) {
		unsigned long long of_reason = ended(t, (enum reason)r);

		if (reason_class((enum reason)r) == FAILURE_NONE || r == REASON_OVERLOAD)
			continue;
		n += of_reason;
		if (of_reason > most) {
			most = of_reason;
			worst = (enum reason)r;
		}
	}
	if (n > 0)
		verdict_fail(v, "'tps show ssl-inspection failures' has the line that fixes each",
		             "%llu sessions, most of them: %s", n, reason_text(worst));
	else
		verdict_say(v, "none");
}

void trouble_check_filters(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = ended(t, REASON_RULE);

	if (n > 0)
		verdict_fail(
		        v,
		        "'tps show log ips_block'; change the filter's action set if it is wrong",
		        "%llu sessions", n);
	else
		verdict_say(v, "none");
}

void trouble_check_traffic_management(const struct trouble *t, struct verdict *v)
{
	verdict_say(v,
	            "this build has no traffic management and no reputation: they block nothing");
}

void trouble_check_trust(const struct trouble *t, struct verdict *v)
{
	unsigned long long bad = ended(t, REASON_CHAIN_INVALID);

	if (bad > 0)
		verdict_fail(v,
		             "add the CA that signed the server's certificate to the proxy's "
		             "server_trust",
		             "%llu servers' certificates did not verify", bad);
	else
		verdict_say(v, "every server's certificate verified, or is known by its key");
}

void trouble_check_client_alert(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = ended(t, REASON_CLIENT_ALERT);

	if (n > 0)
		verdict_fail(v, "compare 'tps show certificates' with what these clients trust",
		             "%llu clients ended the handshake with an alert", n);
	else
		verdict_say(v, "none");
}

void trouble_check_mismatch(const struct trouble *t, struct verdict *v)
{
	unsigned long long n = count(t, COUNTER_serverMismatch);

	if (n > 0)
		verdict_fail(v, "'tps cert replace' with the server's present certificate and key",
		             "%llu handshakes showed another key than the one configured", n);
	else
		verdict_say(v, "no server showed another key");
}
