/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tpsd/session/box.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/conf/error.h"
#include "lib/conf/image.h"
#include "lib/conf/node.h"
#include "lib/pki/ca.h"
#include "tpsd/tls/forger.h"
#include "tpsd/tls/untrusted.h"

const char box_config[] = "version: 1\n"
                          "device: {name: lab}\n"
                          "segments: [{name: wan, port_a: eth1, port_b: eth2}]\n"
                          "certificates:\n"
                          "  - {name: a-rsa, certificate: /x/0.pem, private_key: /x/0.key}\n"
                          "  - {name: a-ec, certificate: /x/1.pem, private_key: /x/1.key}\n"
                          "  - {name: b-ec, certificate: /x/2.pem, private_key: /x/2.key}\n"
                          "  - {name: c-ec, certificate: /x/3.pem, private_key: /x/3.key}\n"
                          "  - {name: signing, certificate: /x/4.pem, private_key: /x/4.key}\n"
                          "ca_certificates: [{name: root, certificate: /x/root.pem}]\n"
                          "trust_stores: [{name: trust, ca_certificates: [root]}]\n"
                          "ssl_server_proxies:\n"
                          "  - name: web\n"
                          "    destinations: [10.0.0.2/32]\n"
                          "    detection_ports: [\"443\"]\n"
                          "    decrypted_service: http\n"
                          "    certificates: [a-rsa, a-ec, b-ec, c-ec]\n"
                          "    default_certificate: a-rsa\n"
                          "    preset: modern\n"
                          "    logging: true\n"
                          "profiles:\n"
                          "  - name: default\n"
                          "    ssl_server_policies: [{name: web, proxy: web}]\n"
                          "virtual_segments:\n"
                          "  - {name: inbound, segment: wan, direction: a_to_b, profile: default}\n"
                          "ssl_inspection: {server: true}\n";

/* ---- an inspector that blocks at a word ---- */

struct word_flow {
	struct word *owner;
	uint64_t bytes;
};

struct word {
	struct inspector inspector;
	struct box *box;
};

static int word_begin(struct inspector *i, const struct tse_tuple *tuple, enum tse_service service,
                      void **ret_flow)
{
	struct word_flow *f = calloc(1, sizeof(*f));

	f->owner = (struct word *)i;
	*ret_flow = f;
	return 0;
}

/* Holds back a line that is not whole, as a header block is. */
static void word_feed(void *flow, enum tse_direction d, uint8_t *view, size_t len, bool eof,
                      struct tse_result *ret)
{
	struct word_flow *f = flow;
	const uint8_t *end = len ? memrchr(view, '\n', len) : NULL;

	f->owner->box->fed++;
	*ret = (struct tse_result){.verdict = TSE_GO_ON};
	ret->release = eof || len > 4096 ? len : end ? (size_t)(end - view) + 1 : 0;
	f->bytes += ret->release;
	if (!memmem(view, len, "attack", 6))
		return;
	ret->verdict = TSE_BLOCK;
	ret->answerable = f->owner->box->answerable;
	ret->release = 0;
	ret->nmatches = 1;
	ret->matches[0] =
	        (struct tse_match){.sid = 7,
	                           .msg = "word",
	                           .classtype = "",
	                           .metadata = "",
	                           .direction = d,
	                           .action = {.block = true, .notify = !f->owner->box->quiet}};
}

static bool word_http(const void *flow, struct tse_http_info *info)
{
	return false;
}

static uint64_t word_bytes(const void *flow)
{
	return ((const struct word_flow *)flow)->bytes;
}

static void word_destroy(struct inspector *i)
{
	free(i);
}

static const struct inspector_ops word_ops = {
        .begin = word_begin,
        .feed = word_feed,
        .http = word_http,
        .bytes = word_bytes,
        .end = free,
        .destroy = word_destroy,
};

/* ---- the configuration's parts ---- */

static int give_certificate(void *arg, uint32_t index, X509 **leaf, STACK_OF(X509) * *chain)
{
	struct box *b = arg;

	*leaf = index == BOX_SIGNING ? b->signer.certificate : b->certs[index].leaf;
	*chain = NULL;
	return 0;
}

static int give_trust(void *arg, uint32_t index, X509_STORE *store)
{
	struct box *b = arg;

	return X509_STORE_add_cert(store, b->certs[3].leaf) ? 0 : SL_ECRYPTO;
}

/* The world's CA signed whatever the tests make of it. */
static int give_default_trust(void *arg, X509_STORE *store)
{
	struct box *b = arg;

	return X509_STORE_add_cert(store, b->world.leaf) ? 0 : SL_ECRYPTO;
}

/* As it comes to a worker: by way of an image. */
static int give_decryption(void *arg, const struct config_decryption_policy *policy,
                           struct decryption **ret)
{
	struct conf_image_maker *maker;
	struct conf_document *doc;
	struct conf_image *image;
	struct conf_errors errs;
	char text[512];
	int fd, rc;

	*ret = NULL;
	if (policy->domains.count != 1)
		return 0; /* not one of a test's */
	(void)snprintf(text, sizeof(text),
	               "version: 1\ndecryption_policies: [{name: %s, domains: [\"%s\"]}]\n",
	               policy->name, policy->domains.items[0]);
	conf_errors_init(&errs);
	assert_int_equal(conf_load_yaml("names", text, strlen(text), &errs, &doc), 0);
	assert_int_equal(conf_image_create(conf_document_root(doc), 1, &errs, &maker), 0);
	assert_int_equal(conf_image_finish_fd(maker, &fd), 0);
	assert_int_equal(conf_image_open_fd(fd, &image), 0);
	rc = decryption_create(image, policy, ret);
	conf_image_close(image);
	conf_image_maker_destroy(maker);
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
	close(fd);
	return rc;
}

static int give_inspector(void *arg, const struct config_profile *profile, struct inspector **ret)
{
	struct word *w;

	*ret = NULL;
	if (((struct box *)arg)->unread)
		return 0;
	w = calloc(1, sizeof(*w));
	w->inspector.ops = &word_ops;
	w->box = arg;
	*ret = &w->inspector;
	return 0;
}

static void give_item(void *arg, int status, const char *path, const char *text, const char *remedy)
{
	struct box *b = arg;
	size_t len = strlen(b->items);

	snprintf(b->items + len, sizeof(b->items) - len, "%d %s: %s\n", status, path, text);
}

/* Every `from` in the document becomes its `to`. */
static char *edit_document(const char *const *settings)
{
	char *text = strdup(box_config);

	for (; settings && settings[0]; settings += 2) {
		char *at = strstr(text, settings[0]), *out = NULL;

		assert_non_null(at);
		assert_true(asprintf(&out, "%.*s%s%s", (int)(at - text), text, settings[1],
		                     at + strlen(settings[0])) > 0);
		free(text);
		text = out;
	}
	return text;
}

void box_configure(struct box *b, const char *const *settings)
{
	const struct setup_source source = {.certificate = give_certificate,
	                                    .trust_store = give_trust,
	                                    .default_trust = give_default_trust,
	                                    .decryption = give_decryption,
	                                    .inspector = give_inspector,
	                                    .item = give_item,
	                                    .arg = b};
	static uint32_t revision;
	char *text = edit_document(settings);
	struct conf_document *doc = NULL;
	struct conf_errors errs;
	struct buf print;

	conf_errors_init(&errs);
	buf_init(&print, 65536);
	if (conf_load_yaml("box", text, strlen(text), &errs, &doc) != 0 ||
	    config_build(conf_document_root(doc), &errs, &b->config) != 0) {
		(void)!conf_errors_print(&errs, &print);
		fail_msg("configuration: %s", buf_text(&print));
	}
	conf_document_destroy(doc);
	conf_errors_fini(&errs);
	buf_fini(&print);
	free(text);
	b->items[0] = '\0';
	setup_put(b->setup);
	b->setup = NULL;
	if (setup_create(b->config, ++revision, host_capability(b->host), host_keyprov(b->host),
	                 &source, &b->setup) != 0)
		b->setup = NULL;
	config_put(b->config);
	host_use_setup(b->host, b->setup);
}

#define CLIENT_PROXY                                                                               \
	"ssl_client_proxies:\n"                                                                    \
	"  - name: out\n"                                                                          \
	"    signing_certificate: signing\n"                                                       \
	"    detection_ports: [443]\n"                                                             \
	"    logging: true\n"
#define CLIENT_POLICY "    ssl_client_policies: [{name: out, proxy: out"

void box_serve(struct box *b, const struct fixture_cert *c)
{
	assert_int_equal(SSL_CTX_use_certificate(b->server_ctx, c->leaf), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(b->server_ctx, c->key), 1);
}

void box_configure_outbound(struct box *b, const char *proxy, const char *policy)
{
	char *proxies, *policies;
	const char *settings[] = {"ssl_server_proxies:\n",
	                          NULL,
	                          "    ssl_server_policies: [{name: web, proxy: web}]\n",
	                          NULL,
	                          "{server: true}",
	                          "{server: false, client: true}",
	                          NULL};

	assert_true(asprintf(&proxies, "%s%sssl_server_proxies:\n", CLIENT_PROXY, proxy) > 0);
	assert_true(asprintf(&policies, "%s%s}]\n", CLIENT_POLICY, policy) > 0);
	settings[1] = proxies;
	settings[3] = policies;
	box_configure(b, settings);
	assert_non_null(b->setup);
	free(proxies);
	free(policies);
}

/* ---- the host's answers ---- */

static struct box *opened; /* a test program has one at a time */

static struct box_pair *pair_of(struct box *b, uint64_t flow)
{
	for (size_t i = 0; i < b->npairs; i++)
		if (b->pairs[i].flow == flow)
			return &b->pairs[i];
	return NULL;
}

static void on_verdict(void *arg, uint64_t flow, enum ipc_action action, enum ipc_reset reset,
                       enum reason reason)
{
	struct box_pair *p = pair_of(arg, flow);

	assert_non_null(p);
	p->action = action;
	p->reason = reason;
	p->answered = true;
}

static void on_ended(void *arg, uint64_t flow, enum reason reason)
{
	struct box_pair *p = pair_of(arg, flow);

	if (!p)
		return; /* of a test before, cleared */
	p->reason = reason;
	p->ended = true;
}

/* A close_notify leaves a mark on the object that read it. */
static void note_alert(const SSL *ssl, int where, int alert)
{
	if (where == SSL_CB_READ_ALERT && (alert & 0xff) == SSL_AD_CLOSE_NOTIFY)
		SSL_set_app_data((SSL *)ssl, "notified");
}

static struct pki_issuer make_ca(const char *name)
{
	const struct pki_subject subject = {.common_name = name};
	struct pki_issuer ca;
	struct pki_error err;

	assert_int_equal(pki_ca_make(&subject, PKI_KEY_P256, 30, time(NULL), &ca, &err), 0);
	return ca;
}

static void open_forger(struct box *b)
{
	struct pki_issuer given;

	b->signer = make_ca("Lab Signing CA");
	given = b->untrusted = make_ca(UNTRUSTED_CA_NAME);
	X509_up_ref(given.certificate);
	EVP_PKEY_up_ref(given.key);
	b->forger = forger_create(b->ks, 0, &b->counters);
	assert_non_null(b->forger);
	forger_set_untrusted(b->forger, &given);
	assert_int_equal(forger_add_issuer(b->forger, b->signer.certificate, b->signer.key, 1), 0);
	forger_commit(b->forger, 1, time(NULL));
	forger_set_max(b->forger, 100);
	b->backend.forger = b->forger;
}

void box_open(struct box *b, const char *const *settings)
{
	static const struct host_ops ops = {on_verdict, on_ended};
	static const char *const names[BOX_CERTS] = {"DNS:a.test,DNS:*.wild.test", "DNS:a.test",
	                                             "DNS:b.test", "DNS:c.test"};
	const uint8_t secret[TICKET_SECRET_LEN] = {9, 9, 9};
	struct host_parts parts;

	signal(SIGPIPE, SIG_IGN);
	memset(b, 0, sizeof(*b));
	opened = b;
	b->loop = loop_create();
	b->ks = keystore_create();
	fixture_backend_init(&b->backend, b->loop, b->ks, 0);
	open_forger(b);
	parts = (struct host_parts){.loop = b->loop,
	                            .keys = &b->backend.backend,
	                            .counters = &b->counters,
	                            .ops = &ops,
	                            .arg = b,
	                            .workers = 1};
	assert_int_equal(host_create(&parts, &b->host), 0);
	for (int i = 0; i < BOX_CERTS; i++) {
		fixture_cert_make(&b->certs[i], i == 0 ? FIXTURE_RSA : FIXTURE_EC, names[i], NULL);
		assert_int_equal(keystore_add(b->ks, b->certs[i].key, 1), 0);
	}
	fixture_ca_make(&b->world, FIXTURE_EC, "World CA");
	host_add_ticket_key(b->host, 1, secret, sizeof(secret));
	b->client_ctx = SSL_CTX_new(TLS_client_method());
	b->server_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_options(b->client_ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_options(b->server_ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_info_callback(b->client_ctx, note_alert);
	SSL_CTX_set_info_callback(b->server_ctx, note_alert);
	SSL_CTX_set_security_level(b->client_ctx, 0);
	SSL_CTX_set_security_level(b->server_ctx, 0);
	box_serve(b, &b->certs[0]);
	box_configure(b, settings);
}

void box_close(struct box *b)
{
	b->npairs = 0;
	host_destroy(b->host);
	setup_put(b->setup);
	for (int i = 0; i < BOX_CERTS; i++)
		fixture_cert_free(&b->certs[i]);
	fixture_cert_free(&b->world);
	SSL_CTX_free(b->client_ctx);
	SSL_CTX_free(b->server_ctx);
	forger_destroy(b->forger);
	pki_issuer_fini(&b->signer);
	pki_issuer_fini(&b->untrusted);
	keystore_destroy(b->ks);
	loop_destroy(b->loop);
}

/* ---- connections ---- */

static void tcp_pair(int fds[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct linger reset = {1, 0};
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&a, &len);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&a, sizeof(a)), 0);
	fds[1] = accept(listener, NULL, NULL);
	assert_true(fds[1] >= 0);
	close(listener);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	/* As `wire` makes them. */
	setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

static void end_open(struct box_end *e, SSL_CTX *ctx, int fd, bool server)
{
	*e = (struct box_end){.fd = fd};
	buf_init(&e->out, 64 << 20);
	buf_init(&e->in, 64 << 20);
	if (!ctx) {
		e->up = true;
		return;
	}
	e->ssl = SSL_new(ctx);
	SSL_set_fd(e->ssl, fd);
	SSL_set_mode(e->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (server)
		SSL_set_accept_state(e->ssl);
	else
		SSL_set_connect_state(e->ssl);
}

void box_pair_open(struct box *b, struct box_pair *p, const char *sni)
{
	static uint64_t flow = 1;
	int fds[2];

	*p = (struct box_pair){.flow = flow++};
	tcp_pair(fds);
	end_open(&p->client, b->client_ctx, fds[0], false);
	p->box_fds[0] = fds[1];
	tcp_pair(fds);
	end_open(&p->server, b->server_ctx, fds[0], true);
	p->box_fds[1] = fds[1];
	if (sni)
		SSL_set_tlsext_host_name(p->client.ssl, sni);
}

static void end_close(struct box_end *e)
{
	SSL_free(e->ssl);
	if (e->fd >= 0)
		close(e->fd);
	buf_fini(&e->out);
	buf_fini(&e->in);
}

/* What the host says of its sessions afterwards concerns nobody. */
static void forget_pairs(const struct box_pair *p)
{
	if (opened && p >= opened->pairs && p < opened->pairs + opened->npairs)
		opened->npairs = 0;
}

void box_pair_close(struct box_pair *p)
{
	forget_pairs(p);
	end_close(&p->client);
	end_close(&p->server);
	for (int i = 0; i < 2; i++)
		if (p->box_fds[i] >= 0)
			close(p->box_fds[i]);
}

void box_say(struct box_end *e, const char *text)
{
	assert_int_equal(buf_add(&e->out, text, strlen(text)), 0);
}

bool box_is_up(struct box_pair *p)
{
	return (p->client.up && p->server.up) || p->client.failed || p->server.failed;
}

bool box_has_ended(struct box_pair *p)
{
	return p->ended || (p->answered && p->action != IPC_TAKE && p->action != IPC_MORE);
}

static void note_error(struct box_end *e, int ret)
{
	int error = SSL_get_error(e->ssl, ret);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
		ERR_clear_error();
		return;
	}
	e->eof = true;
	if (error == SSL_ERROR_ZERO_RETURN)
		e->notified = SSL_get_app_data(e->ssl) != NULL;
	else if (error == SSL_ERROR_SYSCALL && errno == ECONNRESET)
		e->reset = true;
	if (!e->up)
		e->failed = true;
	ERR_clear_error();
}

static void end_read(struct box_end *e)
{
	uint8_t data[16384];
	int n;

	while (!e->eof && !e->stop_reading) {
		ERR_clear_error();
		errno = 0;
		n = SSL_read(e->ssl, data, sizeof(data));
		if (n <= 0) {
			note_error(e, n);
			return;
		}
		assert_int_equal(buf_add(&e->in, data, (size_t)n), 0);
	}
}

static void end_write(struct box_end *e)
{
	while (e->out.len > 0) {
		size_t part = e->chunk ? SL_MIN(e->chunk, e->out.len) : e->out.len;
		int n = SSL_write(e->ssl, e->out.data, (int)SL_MIN(part, 1u << 20));

		if (n <= 0) {
			ERR_clear_error();
			return;
		}
		buf_consume(&e->out, (size_t)n);
		if (e->chunk)
			return; /* one piece a turn */
	}
	if (!e->close_when_sent)
		return;
	e->close_when_sent = false;
	if (!e->truncate)
		(void)SSL_shutdown(e->ssl);
	shutdown(e->fd, SHUT_WR);
}

static void end_step(struct box_end *e)
{
	int n;

	if (!e->ssl || e->failed)
		return;
	if (!e->up) {
		ERR_clear_error();
		errno = 0;
		n = SSL_do_handshake(e->ssl);
		if (n != 1) {
			note_error(e, n);
			return;
		}
		e->up = true;
	}
	end_write(e);
	end_read(e);
}

/* What `wire` does: the first bytes go to the host, a taken flow's sockets follow. */
static void offer_hello(struct box *b, struct box_pair *p)
{
	static uint8_t bytes[65536];
	ssize_t n = recv(p->box_fds[0], bytes, sizeof(bytes), MSG_PEEK);
	struct ipc_hello hello = {.flow = p->flow, .client_port = 1000, .server_port = 443};

	if (n <= 0 || (p->answered && p->action != IPC_MORE))
		return;
	assert_int_equal(addr_parse(p->from ? p->from : "192.0.2.1", &hello.client), 0);
	assert_int_equal(addr_parse("10.0.0.2", &hello.server), 0);
	hello.bytes = (struct ipc_bytes){bytes, (uint32_t)n};
	host_hello(b->host, &hello);
	if (p->action != IPC_TAKE || !p->answered)
		return;
	host_taken(b->host, p->flow, p->box_fds[0], p->box_fds[1]);
	p->box_fds[0] = p->box_fds[1] = -1;
}

struct running {
	struct loop_timer timer;
	struct box *box;
	struct box_pair *pairs;
	size_t n;
	bool (*done)(struct box_pair *p);
	uint64_t end_ns;
};

static void tick(struct loop_timer *timer)
{
	struct running *r = (struct running *)timer;
	bool all = true;

	for (size_t i = 0; i < r->n; i++) {
		end_step(&r->pairs[i].client);
		if (r->pairs[i].box_fds[0] >= 0)
			offer_hello(r->box, &r->pairs[i]);
		end_step(&r->pairs[i].server);
		all &= r->done(&r->pairs[i]);
	}
	if (all || clock_now_ns() > r->end_ns)
		loop_stop(timer->loop);
	else
		assert_int_equal(loop_timer_set(timer->loop, timer, 200000, tick), 0);
}

void box_run(struct box *b, struct box_pair *pairs, size_t n, bool (*done)(struct box_pair *p))
{
	struct running r = {.box = b, .pairs = pairs, .n = n, .done = done};

	b->pairs = pairs;
	b->npairs = n;
	r.end_ns = clock_now_ns() + 5 * CLOCK_NS_PER_S;
	assert_int_equal(loop_timer_set(b->loop, &r.timer, 0, tick), 0);
	assert_int_equal(loop_run(b->loop), 0);
	loop_timer_cancel(&r.timer);
}
