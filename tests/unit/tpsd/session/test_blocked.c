/* SPDX-License-Identifier: Apache-2.0 */
/* What a client gets for what was blocked (R99): a page, an alert, or a reset by switch. */
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "lib/base/err.h"
#include "lib/event/ring.h"
#include "tests/unit/tpsd/session/box.h"

static struct box box;
static const struct host_filter everything;
static struct fixture_cert site; /* site.test, by the world's CA */

static int open_box(void **state)
{
	box_open(&box, NULL);
	fixture_cert_make(&site, FIXTURE_EC, "DNS:site.test", &box.world);
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
	box.answerable = box.quiet = false;
	box_serve(&box, &site);
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

static bool client_is_through(struct box_pair *p)
{
	return p->ended && p->client.eof && p->server.eof;
}

/* With `more` bytes behind it the client is still sending when it is blocked. */
static void attack(struct box_pair *p, const char *proxy, size_t more)
{
	static char bytes[1 << 20];

	box_configure_outbound(&box, proxy, "");
	box.answerable = true;
	run_up(p, "site.test");
	assert_true(p->client.up);
	box_say(&p->client, "attack\n");
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(buf_add(&p->client.out, bytes, more), 0);
	box_run(&box, p, 1, client_is_through);
	assert_int_equal(p->reason, REASON_RULE);
	assert_int_equal(p->server.in.len, 0);
}

/* A RST would make some clients throw away what they have not read yet. */
static bool was_reset(const struct box_end *e)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(e->fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_state == TCP_CLOSE;
}

static void a_blocked_request_is_answered_with_a_page_that_arrives(void **state)
{
	uint64_t before = box.counters.values[COUNTER_block_pages];
	struct box_pair p;
	char flow[32];

	attack(&p, "", 1 << 20);
	assert_non_null(strstr(buf_text(&p.client.in), "HTTP/1.1 403 "));
	(void)snprintf(flow, sizeof(flow), ">%llu<", (unsigned long long)p.flow);
	assert_non_null(strstr(buf_text(&p.client.in), flow));
	assert_non_null(strstr(buf_text(&p.client.in), "</html>"));
	assert_true(p.client.notified);
	assert_false(was_reset(&p.client));
	assert_int_equal(box.counters.values[COUNTER_block_pages], before + 1);
	box_pair_close(&p);
}

static void no_page_where_a_setting_says_so_or_none_is_due(void **state)
{
	struct box_pair p;

	attack(&p, "    block_page: false\n", 0);
	assert_int_equal(p.client.in.len, 0);
	box_pair_close(&p);
	attack(&p, "    tcp_reset: true\n", 0);
	assert_int_equal(p.client.in.len, 0);
	assert_true(p.client.reset);
	assert_false(p.server.reset);
	box_pair_close(&p);
	box_configure_outbound(&box, "", "");
	box.answerable = false;
	run_up(&p, "site.test");
	box_say(&p.client, "attack\n");
	box_run(&box, &p, 1, client_is_through);
	assert_int_equal(p.client.in.len, 0);
	box_pair_close(&p);
}

/* An action set that does not notify leaves no event of the filter; the page's reference is found
 * in the session's record then, logged or not. */
static void the_reference_of_a_page_is_in_the_log(void **state)
{
	struct ring *ring = ring_create(64 * 1024);
	uint8_t text[RING_RECORD_MAX + 1];
	char flow[64];

	assert_non_null(ring);
	box.host->ring = ring;
	for (int i = 0; i < 2; i++) {
		struct config_client_proxy *proxy;
		struct box_pair p;
		unsigned kind;
		size_t len;

		box.quiet = i == 1;
		box.answerable = true;
		box_configure_outbound(&box, "", "");
		proxy = (struct config_client_proxy *)(uintptr_t)box.setup->config->client_proxies;
		proxy->common.logging = false;
		run_up(&p, "site.test");
		box_say(&p.client, "attack\n");
		box_run(&box, &p, 1, client_is_through);
		assert_int_equal(ring_read(ring, &kind, text, RING_RECORD_MAX, &len), 0);
		text[len] = '\0';
		assert_int_equal(kind, box.quiet ? EVENT_SSL_INSPECTION : EVENT_IPS_BLOCK);
		(void)snprintf(flow, sizeof(flow), "\"flow_id\":%llu,", (unsigned long long)p.flow);
		assert_non_null(strstr((const char *)text, flow));
		assert_non_null(strstr((const char *)text, "\"block_page\":true"));
		assert_int_equal(ring_read(ring, &kind, text, RING_RECORD_MAX, &len), SL_EAGAIN);
		box_pair_close(&p);
	}
	box.host->ring = NULL;
	ring_destroy(ring);
}

/* R99: the alert, or a reset by switch. */
static void a_blocked_handshake_is_reset_by_switch(void **state)
{
	struct fixture_cert self;

	fixture_cert_make(&self, FIXTURE_EC, "DNS:self.test", NULL);
	box_serve(&box, &self);
	for (int i = 0; i < 2; i++) {
		struct box_pair p;

		box_configure_outbound(&box, i ? "    tcp_reset: true\n" : "", "");
		run_up(&p, "self.test");
		box_run(&box, &p, 1, ended);
		assert_int_equal(p.reason, REASON_CHAIN_INVALID);
		assert_true(p.client.failed);
		assert_int_equal(p.client.reset, i);
		box_pair_close(&p);
	}
	fixture_cert_free(&self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(a_blocked_request_is_answered_with_a_page_that_arrives,
	                               begin),
	        cmocka_unit_test_setup(no_page_where_a_setting_says_so_or_none_is_due, begin),
	        cmocka_unit_test_setup(the_reference_of_a_page_is_in_the_log, begin),
	        cmocka_unit_test_setup(a_blocked_handshake_is_reset_by_switch, begin),
	};

	return cmocka_run_group_tests(tests, open_box, close_box);
}
