/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client inspection in one process: forged leaves, trust, decisions by name, tied legs, what is
 * learned of clients and servers.
 */
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/err.h"
#include "tests/unit/tpsd/session/box.h"

static struct box box;
static const struct host_filter everything;

static void configure(const char *proxy, const char *policy)
{
	box_configure_outbound(&box, proxy, policy);
}

static struct fixture_cert site; /* site.test, by the world's CA */

static int open_box(void **state)
{
	box_open(&box, NULL);
	fixture_cert_make(&site, FIXTURE_EC, "DNS:site.test,DNS:*.wild.test", &box.world);
	return 0;
}

static int close_box(void **state)
{
	fixture_cert_free(&site);
	box_close(&box);
	return 0;
}

static int begin(void **state)
{
	(void)host_clear(box.host, &everything);
	SSL_CTX_set_max_proto_version(box.client_ctx, 0);
	SSL_CTX_set_max_proto_version(box.server_ctx, 0);
	SSL_CTX_set_verify(box.server_ctx, SSL_VERIFY_NONE, NULL);
	box_serve(&box, &site);
	configure("", "");
	return 0;
}

static bool ended(struct box_pair *p)
{
	return box_has_ended(p);
}

static void run_up(struct box_pair *p, const char *sni)
{
	box_pair_open(&box, p, sni);
	box_run(&box, p, 1, box_is_up);
}

/* The common name of who signed what the client saw. */
static const char *issuer_of(const struct box_pair *p)
{
	static char text[128];
	X509 *leaf = SSL_get0_peer_certificate(p->client.ssl);

	assert_non_null(leaf);
	X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_commonName, text, sizeof(text));
	return text;
}

static void a_client_sees_the_site_s_names_signed_by_the_signing_certificate(void **state)
{
	struct box_pair p;
	X509 *leaf;

	run_up(&p, "site.test");
	assert_true(p.client.up);
	assert_string_equal(issuer_of(&p), "Lab Signing CA");
	leaf = SSL_get0_peer_certificate(p.client.ssl);
	assert_int_equal(X509_check_host(leaf, "site.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(leaf, "x.wild.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(leaf, "other.test", 0, 0, NULL), 0);
	assert_int_equal(X509_verify(leaf, X509_get0_pubkey(box.signer.certificate)), 1);
	assert_string_equal(SSL_get_servername(p.server.ssl, 0), "site.test");
	box_say(&p.client, "attack\n");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_RULE);
	assert_int_equal(p.server.in.len, 0);
	box_pair_close(&p);
}

static bool is_being_forged(struct box_pair *p)
{
	for (size_t i = 0; i < FIXTURE_REQUESTS; i++)
		if (box.backend.pending[i].req && box.backend.pending[i].leaf)
			return true;
	return false;
}

/* The leaf comes with the chain of the issuer that was asked for, not of the one that took over
 * while `keys` was at it. */
static void a_successor_that_takes_over_meanwhile_does_not_change_the_chain(void **state)
{
	struct setup_issuer *issuers = box.setup->client_proxies[0].issuers;
	struct box_pair p;

	assert_int_equal(sk_X509_num(issuers[0].chain), 0);
	box.backend.delay_ms = 50;
	box_pair_open(&box, &p, "site.test");
	box_run(&box, &p, 1, is_being_forged);
	assert_true(is_being_forged(&p));
	issuers[1] = issuers[0];
	issuers[1].chain = sk_X509_new_null();
	assert_true(X509_add_cert(issuers[1].chain, box.world.leaf, X509_ADD_FLAG_UP_REF));
	box_run(&box, &p, 1, box_is_up);
	assert_true(p.client.up);
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(p.client.ssl)), 1);
	box.backend.delay_ms = 0;
	box_pair_close(&p);
}

static void of_a_server_s_chain_the_leaf_alone_is_kept(void **state)
{
	struct box_pair p;
	SSL *ssl;

	run_up(&p, "site.test");
	assert_true(p.client.up);
	ssl = tls_leg_of(&session_find(box.host, p.flow)->legs[LEG_SERVER])->ssl;
	assert_true(sk_X509_num(SSL_get_peer_cert_chain(ssl)) <= 0);
	assert_non_null(SSL_get0_peer_certificate(ssl));
	box_pair_close(&p);
}

static void a_site_that_is_known_is_forged_once(void **state)
{
	uint64_t before = box.counters.values[COUNTER_forged];

	for (int i = 0; i < 3; i++) {
		struct box_pair p;

		run_up(&p, "site.test");
		assert_true(p.client.up);
		box_pair_close(&p);
		(void)host_clear(box.host, &everything);
	}
	assert_true(box.counters.values[COUNTER_forged] <= before + 1);
}

static void a_server_that_does_not_verify_is_refused_or_signed_by_the_untrusted_ca(void **state)
{
	struct fixture_cert self;
	struct box_pair p;

	fixture_cert_make(&self, FIXTURE_EC, "DNS:self.test", NULL);
	box_serve(&box, &self);
	run_up(&p, "self.test");
	assert_false(p.client.up);
	assert_int_equal(p.reason, REASON_CHAIN_INVALID);
	assert_true(box.counters.values[COUNTER_chainFaults] > 0);
	box_pair_close(&p);
	configure("    block_invalid_certificates: false\n", "");
	run_up(&p, "self.test");
	assert_true(p.client.up);
	assert_string_equal(issuer_of(&p), "Untrusted Server CA");
	box_pair_close(&p);
	/* The trusted site by another's name. */
	box_serve(&box, &site);
	run_up(&p, "bank.test");
	assert_string_equal(issuer_of(&p), "Untrusted Server CA");
	box_pair_close(&p);
	fixture_cert_free(&self);
}

static void a_server_outside_never_shows_what_is_ours(void **state)
{
	uint8_t own[1][KEY_ID_LEN];
	struct box_pair p;

	configure("    block_invalid_certificates: false\n", "");
	assert_int_equal(keystore_key_id(site.key, own[0]), 0);
	host_set_own_keys(box.host, (const uint8_t(*)[KEY_ID_LEN])own, 1);
	run_up(&p, "site.test");
	assert_false(p.client.up);
	assert_int_equal(p.reason, REASON_OWN_CERTIFICATE);
	box_pair_close(&p);
	host_set_own_keys(box.host, NULL, 0);
	run_up(&p, "site.test");
	assert_true(p.client.up);
	box_pair_close(&p);
}

/* A trust store of a later revision may lie in memory where an earlier one lay. */
static void what_one_revision_trusts_is_nothing_to_the_next(void **state)
{
	for (int i = 0; i < 30; i++) {
		bool trusted = i % 2 == 0;
		struct box_pair p;

		configure("", trusted ? "" : ", trust_store: trust");
		run_up(&p, "site.test");
		assert_int_equal(p.client.up, trusted);
		box_pair_close(&p);
		(void)host_clear(box.host, &everything);
	}
}

static void the_legs_are_tied(void **state)
{
	struct box_pair p;

	SSL_CTX_set_max_proto_version(box.server_ctx, TLS1_2_VERSION);
	run_up(&p, "site.test");
	assert_int_equal(SSL_version(p.server.ssl), TLS1_2_VERSION);
	assert_int_equal(SSL_version(p.client.ssl), TLS1_2_VERSION);
	box_pair_close(&p);
	SSL_CTX_set_max_proto_version(box.server_ctx, 0);
	SSL_CTX_set_max_proto_version(box.client_ctx, TLS1_2_VERSION);
	run_up(&p, "site.test");
	assert_int_equal(SSL_version(p.server.ssl), TLS1_2_VERSION);
	assert_int_equal(SSL_version(p.client.ssl), TLS1_2_VERSION);
	box_pair_close(&p);
}

/* Refuses whatever certificate it sees, as one that is pinned does. */
static int refuse_certificate(int ok, X509_STORE_CTX *ctx)
{
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
	return 0;
}

static void refuse_from(const char *address, const char *sni, enum ipc_action *ret_action)
{
	struct box_pair p;

	box_pair_open(&box, &p, sni);
	p.from = address;
	SSL_set_verify(p.client.ssl, SSL_VERIFY_PEER, refuse_certificate);
	box_run(&box, &p, 1, ended);
	*ret_action = p.action;
	box_pair_close(&p);
}

static void a_pinned_client_is_left_alone_the_next_time_and_no_other(void **state)
{
	enum ipc_action action;

	refuse_from("192.0.2.1", "site.test", &action);
	assert_int_equal(action, IPC_TAKE);
	refuse_from("192.0.2.1", "site.test", &action);
	assert_int_equal(action, IPC_FORWARD);
	refuse_from("192.0.2.2", "site.test", &action);
	assert_int_equal(action, IPC_TAKE);
	refuse_from("192.0.2.1", "x.wild.test", &action);
	assert_int_equal(action, IPC_TAKE);
}

/* Who refuses it has seen a warning; the bad server is no other one for that. */
static void a_refused_leaf_of_the_untrusted_ca_teaches_nothing(void **state)
{
	struct fixture_cert self;
	enum ipc_action action;

	fixture_cert_make(&self, FIXTURE_EC, "DNS:self.test", NULL);
	configure("    block_invalid_certificates: false\n", "");
	box_serve(&box, &self);
	for (int i = 0; i < 3; i++) {
		refuse_from("192.0.2.1", "self.test", &action);
		assert_int_equal(action, IPC_TAKE);
	}
	box_serve(&box, &site);
	fixture_cert_free(&self);
}

/* What is left alone, as tps sees it in an answer of `max` bytes. */
static json_t *learned(size_t max)
{
	struct buf out;
	json_t *list;

	buf_init(&out, max);
	assert_int_equal(host_learned_json(box.host, &out), 0);
	list = json_loads(buf_text(&out), 0, NULL);
	assert_non_null(list);
	buf_fini(&out);
	return list;
}

static void what_is_learned_is_listed_and_forgotten_by_name(void **state)
{
	enum ipc_action action;
	json_t *list, *row;

	refuse_from("192.0.2.1", "site.test", &action);
	refuse_from("192.0.2.2", "x.wild.test", &action);
	list = learned(4096);
	assert_int_equal(json_integer_value(json_object_get(list, "entries")), 2);
	row = json_array_get(json_object_get(list, "learned"), 0);
	if (strcmp(json_string_value(json_object_get(row, "name")), "site.test") != 0)
		row = json_array_get(json_object_get(list, "learned"), 1);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "site.test");
	assert_string_equal(json_string_value(json_object_get(row, "client")), "192.0.2.1");
	assert_string_equal(json_string_value(json_object_get(row, "server")), "10.0.0.2");
	assert_int_equal(json_integer_value(json_object_get(row, "port")), 443);
	assert_string_equal(json_string_value(json_object_get(row, "reason")), "client_alert");
	assert_in_range(json_integer_value(json_object_get(row, "seconds_left")), 1,
	                LEARNED_LIFETIME_S);
	json_decref(list);
	list = learned(256); /* one row fits */
	assert_int_equal(json_integer_value(json_object_get(list, "entries")), 2);
	assert_int_equal(json_array_size(json_object_get(list, "learned")), 1);
	json_decref(list);
	assert_int_equal(host_learned_clear(box.host, "SITE.test"), 1);
	refuse_from("192.0.2.1", "site.test", &action);
	assert_int_equal(action, IPC_TAKE);
	assert_int_equal(host_learned_clear(box.host, NULL), 2);
	list = learned(4096);
	assert_int_equal(json_array_size(json_object_get(list, "learned")), 0);
	json_decref(list);
}

static void an_always_decrypted_client_teaches_nothing(void **state)
{
	enum ipc_action action;

	configure("", ", always_decrypt_sources: [192.0.2.9]");
	for (int i = 0; i < 3; i++) {
		refuse_from("192.0.2.9", "site.test", &action);
		assert_int_equal(action, IPC_TAKE);
	}
}

static void a_server_that_wants_a_client_certificate_is_left_alone_by_all(void **state)
{
	enum ipc_action action;
	struct box_pair p;

	SSL_CTX_set_verify(box.server_ctx, SSL_VERIFY_PEER, NULL);
	box_pair_open(&box, &p, "site.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_CLIENT_CERTIFICATE);
	box_pair_close(&p);
	refuse_from("192.0.2.2", "site.test", &action);
	assert_int_equal(action, IPC_FORWARD);
	refuse_from("192.0.2.2", "x.wild.test", &action);
	assert_int_equal(action, IPC_TAKE);
}

static void a_never_decrypted_client_is_left_alone(void **state)
{
	struct box_pair p;

	configure("", ", never_decrypt_sources: [192.0.2.0/24]");
	box_pair_open(&box, &p, "site.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_SOURCE_EXCEPTION);
	box_pair_close(&p);
}

static void keys_that_are_slow_stop_no_other_session_and_none_is_left(void **state)
{
	struct box_pair pairs[4];

	box.backend.delay_ms = 50;
	configure("", ""); /* leaves of a revision before are known: others are asked for */
	for (int i = 0; i < 4; i++)
		box_pair_open(&box, &pairs[i], i % 2 ? "site.test" : "a.wild.test");
	box_run(&box, pairs, 4, box_is_up);
	for (int i = 0; i < 4; i++) {
		assert_true(pairs[i].client.up);
		box_pair_close(&pairs[i]);
	}
	box.backend.delay_ms = 0;
}

/* As configure(), with a decryption policy that leaves `domain` alone. */
static void configure_names(const char *domain, const char *decide_by, const char *proxy,
                            const char *policy)
{
	char *proxies, *policies;

	assert_true(
	        asprintf(&proxies,
	                 "%sdecryption_policies: [{name: d, decide_by: %s, domains: [\"%s\"]}]\n",
	                 proxy, decide_by, domain) > 0);
	assert_true(asprintf(&policies, ", decryption_policy: d%s", policy) > 0);
	configure(proxies, policies);
	free(proxies);
	free(policies);
}

static void configure_domain(const char *domain, const char *decide_by, const char *proxy)
{
	configure_names(domain, decide_by, proxy, "");
}

static void an_excepted_name_is_forwarded_at_once_when_the_sni_is_believed(void **state)
{
	struct box_pair p;

	configure_domain("site.test", "sni", "");
	box_pair_open(&box, &p, "SITE.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_DOMAIN);
	box_pair_close(&p);
	run_up(&p, "a.wild.test");
	assert_true(p.client.up);
	box_pair_close(&p);
}

static void a_name_that_is_proved_is_decrypted_once_not_inspected_and_then_left_alone(void **state)
{
	uint64_t before = box.counters.values[COUNTER_not_inspected];
	struct box_pair p;

	configure_domain("site.test", "sni_verified", "");
	run_up(&p, "site.test");
	assert_true(p.client.up);
	box_say(&p.client, "attack\n");
	p.client.close_when_sent = p.server.close_when_sent = true;
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.server.in.len, strlen("attack\n"));
	assert_int_equal(box.counters.values[COUNTER_not_inspected], before + 1);
	box_pair_close(&p);
	box_pair_open(&box, &p, "site.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_DOMAIN);
	box_pair_close(&p);
}

static void a_name_that_is_not_proved_is_inspected(void **state)
{
	struct box_pair p;

	configure_domain("bank.test", "sni_verified", "    block_invalid_certificates: false\n");
	for (int i = 0; i < 2; i++) {
		run_up(&p, "bank.test"); /* the server is site.test */
		assert_true(p.client.up);
		box_say(&p.client, "attack\n");
		box_run(&box, &p, 1, ended);
		assert_int_equal(p.reason, REASON_RULE);
		box_pair_close(&p);
	}
}

static void without_a_name_the_certificate_decides(void **state)
{
	struct box_pair p;

	configure_domain("*.wild.test", "certificate", "");
	run_up(&p, NULL);
	assert_true(p.client.up);
	box_say(&p.client, "attack\n");
	p.client.close_when_sent = p.server.close_when_sent = true;
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.server.in.len, strlen("attack\n"));
	box_pair_close(&p);
	box_pair_open(&box, &p, NULL);
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.action, IPC_FORWARD);
	box_pair_close(&p);
}

static bool has_heard(struct box_pair *p)
{
	return p->client.up && p->client.in.len > 0;
}

/* Whether the server's leg resumed; the next one can. */
static bool visit(const char *sni)
{
	struct box_pair p;
	bool resumed;

	box_pair_open(&box, &p, sni);
	box_say(&p.server, "x\n"); /* so that the tickets before it have come */
	box_run(&box, &p, 1, has_heard);
	assert_true(has_heard(&p));
	assert_string_equal(issuer_of(&p), "Lab Signing CA");
	resumed = SSL_session_reused(p.server.ssl);
	p.client.close_when_sent = p.server.close_when_sent = true;
	box_run(&box, &p, 1, ended);
	box_pair_close(&p);
	return resumed;
}

/* A resumed handshake shows no certificate, and the session that is kept has none. */
static void a_resumed_site_whose_leaf_was_forgotten_is_forged_again(void **state)
{
	assert_false(visit("site.test"));
	for (int i = 0; i < 3; i++) {
		uint64_t before = box.counters.values[COUNTER_leaf_cache_hits];

		assert_true(visit("site.test"));
		assert_int_equal(box.counters.values[COUNTER_leaf_cache_hits], before + 1);
		leafcache_clear(box.host->leaves);
		assert_true(visit("site.test"));
		assert_int_equal(box.counters.values[COUNTER_leaf_cache_hits], before + 1);
	}
}

static void the_certificate_decides_of_a_resumed_session_too(void **state)
{
	uint64_t before = box.counters.values[COUNTER_not_inspected];

	configure_domain("*.wild.test", "certificate", "");
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(visit("site.test"), n > 0);
		assert_int_equal(box.counters.values[COUNTER_not_inspected], before + n + 1);
		assert_int_equal(host_learned_clear(box.host, NULL), 1);
	}
}

/* What is said beforehand of a flow from 192.0.2.1; `server` NULL: to any. */
static json_t *ahead(const char *name, const char *server, uint16_t port)
{
	struct addr client, to;
	struct host_question q = {.name = name, .client = &client, .port = port};
	struct buf out;
	json_t *answer;

	assert_int_equal(addr_parse("192.0.2.1", &client), 0);
	if (server) {
		assert_int_equal(addr_parse(server, &to), 0);
		q.server = &to;
	}
	buf_init(&out, 65536);
	assert_int_equal(host_decisions_json(box.host, &q, &out), 0);
	answer = json_loads(buf_text(&out), 0, NULL);
	assert_non_null(answer);
	buf_fini(&out);
	return answer;
}

static void expect_ahead(const char *name, uint16_t port, const char *outcome, const char *reason,
                         const char *found)
{
	json_t *answer = ahead(name, NULL, port);
	char *steps = json_dumps(json_object_get(answer, "steps"), 0);

	assert_string_equal(json_string_value(json_object_get(answer, "outcome")), outcome);
	if (reason)
		assert_string_equal(json_string_value(json_object_get(answer, "reason")), reason);
	else
		assert_null(json_object_get(answer, "reason"));
	if (!strstr(steps, found))
		fail_msg("%s: no \"%s\" in %s", name, found, steps);
	free(steps);
	json_decref(answer);
}

static void what_would_be_done_is_said_beforehand_with_each_step(void **state)
{
	enum ipc_action action;
	json_t *answer;

	configure_domain("site.test", "sni", "");
	expect_ahead("SITE.test", 0, "not_decrypted", "domain",
	             "d has it as domain, not decrypted: site.test");
	expect_ahead("https://x.wild.test/path", 0, "inspected", NULL, "signing can sign");
	expect_ahead("x.wild.test:8443", 0, "not_decrypted", "no_policy", "none of the profile's");
	expect_ahead("x.wild.test", 80, "not_decrypted", "no_policy", "port 80");
	expect_ahead("10.0.0.2", 0, "inspected", NULL, "to 10.0.0.2, port 443");
	configure_domain("site.test", "sni_verified", "");
	expect_ahead("site.test", 0, "decrypted_not_inspected", "domain",
	             "sni_verified: the server's");
	configure("", ", never_decrypt_sources: [192.0.2.0/24]");
	expect_ahead("site.test", 0, "not_decrypted", "source_exception", "never decrypted");
	configure("", ", state: observe");
	expect_ahead("site.test", 0, "not_decrypted", "observed", "state observe");
	configure("", "");
	refuse_from("192.0.2.1", "site.test", &action);
	expect_ahead("site.test", 0, "inspected", NULL,
	             "10.0.0.2, port 443 is left alone for 192.0.2.1");
	answer = ahead("site.test", "10.0.0.2", 0);
	assert_string_equal(json_string_value(json_object_get(answer, "outcome")), "bypassed");
	assert_string_equal(json_string_value(json_object_get(answer, "reason")), "client_alert");
	json_decref(answer);
	host_pause(box.host, true);
	expect_ahead("site.test", 0, "bypassed", "panic", "above policy");
	host_pause(box.host, false);
}

static void look_at(const char *sni)
{
	struct box_pair p;

	box_pair_open(&box, &p, sni);
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_OBSERVED);
	box_pair_close(&p);
}

static json_t *next_record(struct ring *ring)
{
	static uint8_t text[RING_RECORD_MAX + 1];
	unsigned kind;
	size_t len;
	json_t *e;

	assert_int_equal(ring_read(ring, &kind, text, RING_RECORD_MAX, &len), 0);
	e = json_loadb((const char *)text, len, 0, NULL);
	assert_non_null(e);
	return e;
}

static void expect_fingerprint(struct ring *ring)
{
	json_t *e = next_record(ring), *tls = json_object_get(e, "tls");
	const char *ja4 = json_string_value(json_object_get(tls, "ja4"));

	assert_non_null(ja4);
	assert_int_equal(strlen(ja4), FINGERPRINT_JA4_SIZE - 1);
	assert_memory_equal(ja4, "t13d", 4);
	assert_int_equal(json_string_length(json_object_get(json_object_get(tls, "ja3"), "hash")),
	                 FINGERPRINT_JA3_SIZE - 1);
	json_decref(e);
}

static void a_record_has_the_client_s_fingerprints(void **state)
{
	struct ring *ring = ring_create(64 * 1024);
	struct box_pair p;

	assert_non_null(ring);
	box.host->ring = ring;
	run_up(&p, "site.test");
	assert_true(p.client.up);
	(void)host_clear(box.host, &everything);
	box_pair_close(&p);
	configure_names("site.test", "sni", "", "");
	box_pair_open(&box, &p, "site.test");
	box_run(&box, &p, 1, ended);
	box_pair_close(&p);
	box.host->ring = NULL;
	expect_fingerprint(ring); /* of a session, then of a decision */
	expect_fingerprint(ring);
	ring_destroy(ring);
}

/* The next record has what would have been of `sni`, and `count` of it; 0: the first one. */
static void expect_would(struct ring *ring, const char *sni, const char *would, unsigned count)
{
	json_t *e = next_record(ring);

	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(e, "would"), "outcome")), would);
	assert_string_equal(json_string_value(json_object_get(json_object_get(e, "tls"), "sni")),
	                    sni);
	assert_int_equal(json_integer_value(json_object_get(e, "count")), count);
	json_decref(e);
}

static void repeats_say_what_would_have_been_too(void **state)
{
	struct ring *ring = ring_create(64 * 1024);

	assert_non_null(ring);
	configure_names("site.test", "sni", "", ", state: observe");
	box.host->ring = ring;
	box.host->seed =
	        1; /* by others the two names may have one place, and one sends the other off */
	for (int i = 0; i < 3; i++)
		look_at("site.test");
	look_at("x.wild.test");
	record_minute(&box.host->minute);
	configure_names("site.test", "sni_verified", "", ", state: observe");
	look_at("site.test");
	box.host->ring = NULL;
	expect_would(ring, "site.test", "not_decrypted", 0);
	expect_would(ring, "x.wild.test", "inspected", 0);
	expect_would(ring, "site.test", "not_decrypted", 2);
	expect_would(ring, "site.test", "decrypted_not_inspected", 0);
	ring_destroy(ring);
}

static void a_question_that_is_none_is_refused(void **state)
{
	static const char *const names[] = {"",         "https://",     "a b",
	                                    "a.test:0", "a.test:70000", "\xc3\xa4.test"};
	struct buf out;

	buf_init(&out, 65536);
	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		const struct host_question q = {.name = names[i]};

		assert_int_equal(host_decisions_json(box.host, &q, &out), SL_EINVAL);
	}
	buf_fini(&out);
}

static void a_server_whose_revocation_is_not_known_is_as_its_class_says(void **state)
{
	struct box_pair p;

	configure("    on_failure_class: {revocation_unknown: block}\n", "");
	run_up(&p, "site.test");
	assert_false(p.client.up);
	assert_int_equal(p.reason, REASON_REVOCATION_UNKNOWN);
	box_pair_close(&p);
}

static void without_a_leaf_the_session_ends(void **state)
{
	struct box_pair p;

	configure("    on_failure_class: {keys_unavailable: block}\n", "");
	box.backend.refuse = SL_ELIMIT;
	run_up(&p, "site.test");
	assert_false(p.client.up);
	assert_int_equal(p.reason, REASON_FORGE_FAILED);
	box_pair_close(&p);
	box.backend.refuse = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(
	                a_client_sees_the_site_s_names_signed_by_the_signing_certificate, begin),
	        cmocka_unit_test_setup(
	                a_successor_that_takes_over_meanwhile_does_not_change_the_chain, begin),
	        cmocka_unit_test_setup(of_a_server_s_chain_the_leaf_alone_is_kept, begin),
	        cmocka_unit_test_setup(a_site_that_is_known_is_forged_once, begin),
	        cmocka_unit_test_setup(
	                a_server_that_does_not_verify_is_refused_or_signed_by_the_untrusted_ca,
	                begin),
	        cmocka_unit_test_setup(a_server_outside_never_shows_what_is_ours, begin),
	        cmocka_unit_test_setup(what_one_revision_trusts_is_nothing_to_the_next, begin),
	        cmocka_unit_test_setup(the_legs_are_tied, begin),
	        cmocka_unit_test_setup(a_pinned_client_is_left_alone_the_next_time_and_no_other,
	                               begin),
	        cmocka_unit_test_setup(a_refused_leaf_of_the_untrusted_ca_teaches_nothing, begin),
	        cmocka_unit_test_setup(what_is_learned_is_listed_and_forgotten_by_name, begin),
	        cmocka_unit_test_setup(an_always_decrypted_client_teaches_nothing, begin),
	        cmocka_unit_test_setup(
	                a_server_that_wants_a_client_certificate_is_left_alone_by_all, begin),
	        cmocka_unit_test_setup(a_never_decrypted_client_is_left_alone, begin),
	        cmocka_unit_test_setup(
	                an_excepted_name_is_forwarded_at_once_when_the_sni_is_believed, begin),
	        cmocka_unit_test_setup(
	                a_name_that_is_proved_is_decrypted_once_not_inspected_and_then_left_alone,
	                begin),
	        cmocka_unit_test_setup(a_name_that_is_not_proved_is_inspected, begin),
	        cmocka_unit_test_setup(without_a_name_the_certificate_decides, begin),
	        cmocka_unit_test_setup(a_resumed_site_whose_leaf_was_forgotten_is_forged_again,
	                               begin),
	        cmocka_unit_test_setup(the_certificate_decides_of_a_resumed_session_too, begin),
	        cmocka_unit_test_setup(what_would_be_done_is_said_beforehand_with_each_step, begin),
	        cmocka_unit_test_setup(repeats_say_what_would_have_been_too, begin),
	        cmocka_unit_test_setup(a_record_has_the_client_s_fingerprints, begin),
	        cmocka_unit_test_setup(a_question_that_is_none_is_refused, begin),
	        cmocka_unit_test_setup(a_server_whose_revocation_is_not_known_is_as_its_class_says,
	                               begin),
	        cmocka_unit_test_setup(without_a_leaf_the_session_ends, begin),
	        cmocka_unit_test_setup(keys_that_are_slow_stop_no_other_session_and_none_is_left,
	                               begin),
	};

	return cmocka_run_group_tests(tests, open_box, close_box);
}
