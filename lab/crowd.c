/* SPDX-License-Identifier: Apache-2.0 */
/* crowd: many sites, see crowd.h. Ends by a signal. Exit status: 1 when it cannot start, 2 usage.
 */
#include "lab/crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/pki/ca.h"

enum {
	EVENTS_A_TURN = 64,
	BACKLOG = 4096,
	WORKERS_MAX = 64,
	DAY_S = 86400,
};

struct options {
	struct sockaddr_in address;
	const char *issuer, *issuer_key, *canary;
	unsigned sites, workers;
	unsigned long long big;
};

static int usage(void)
{
	fputs("usage: crowd --listen ADDRESS:PORT --issuer CA.pem --issuer-key CA.key --sites N\n"
	      "  [--workers N] [--big BYTES] [--canary FILE]\n",
	      stderr);
	return 2;
}

/* ---- the sites --------------------------------------------------------------------------- */

/* The site's number, or -1. */
static long site_of(const struct crowd *crowd, const char *name)
{
	char *end;
	unsigned long number;

	if (name[0] != 's' || name[1] < '0' || name[1] > '9')
		return -1;
	number = strtoul(name + 1, &end, 10);
	return strcmp(end, ".crowd.test") == 0 && number < crowd->sites_count ? (long)number : -1;
}

/* GeneralNames with one DNS name; short lengths, as the names are. */
static size_t write_alt_name(const char *name, uint8_t *out)
{
	size_t len = strlen(name);

	out[0] = 0x30;
	out[1] = (uint8_t)(len + 2);
	out[2] = 0x82;
	out[3] = (uint8_t)len;
	memcpy(out + 4, name, len);
	return len + 4;
}

static size_t write_subject(const char *name, uint8_t **out)
{
	X509_NAME *subject = X509_NAME_new();
	int len = -1;

	*out = NULL;
	if (subject && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	                                          (const unsigned char *)name, -1, -1, 0))
		len = i2d_X509_NAME(subject, out);
	X509_NAME_free(subject);
	return len > 0 ? (size_t)len : 0;
}

/* What was forged is bytes; a server needs it as it is read again. */
static X509 *read_again(X509 *leaf)
{
	unsigned char *der = NULL;
	int len = i2d_X509(leaf, &der);
	const unsigned char *at = der;
	X509 *again = len > 0 ? d2i_X509(NULL, &at, len) : NULL;

	OPENSSL_free(der);
	return again;
}

static X509 *make_site(const struct crowd *crowd, unsigned number)
{
	char name[CROWD_NAME_MAX];
	uint8_t alt_names[CROWD_NAME_MAX + 8];
	uint8_t *subject;
	struct pki_template what = {.not_before = time(NULL) - DAY_S,
	                            .not_after = time(NULL) + 30 * DAY_S,
	                            .alt_names = alt_names};
	X509 *leaf = NULL, *again;

	snprintf(name, sizeof(name), "s%u.crowd.test", number);
	what.alt_names_len = write_alt_name(name, alt_names);
	what.subject_len = write_subject(name, &subject);
	what.subject = subject;
	if (pki_forge(&crowd->issuer, &what, crowd->key, &leaf) != 0)
		leaf = NULL;
	again = leaf ? read_again(leaf) : NULL;
	X509_free(leaf);
	OPENSSL_free(subject);
	return again;
}

static X509 *find_site(struct crowd *crowd, unsigned number)
{
	if (!crowd->sites[number])
		crowd->sites[number] = make_site(crowd, number);
	return crowd->sites[number];
}

static int make_sites(struct crowd *crowd, bool at_once)
{
	crowd->sites = calloc(crowd->sites_count, sizeof(X509 *));
	crowd->chain = sk_X509_new_null();
	crowd->key = EVP_EC_gen("P-256");
	if (!crowd->sites || !crowd->chain || !crowd->key ||
	    !X509_add_cert(crowd->chain, crowd->issuer.certificate, X509_ADD_FLAG_UP_REF))
		return -ENOMEM;
	for (unsigned i = 0; at_once && i < crowd->sites_count; i++) {
		if (!find_site(crowd, i))
			return -EINVAL;
	}
	return 0;
}

static int read_issuer(const struct options *opt, struct pki_issuer *ret)
{
	FILE *certificate = fopen(opt->issuer, "r"), *key = fopen(opt->issuer_key, "r");

	*ret = (struct pki_issuer){NULL, NULL};
	if (certificate)
		ret->certificate = PEM_read_X509(certificate, NULL, NULL, NULL);
	if (key)
		ret->key = PEM_read_PrivateKey(key, NULL, NULL, NULL);
	if (certificate)
		fclose(certificate);
	if (key)
		fclose(key);
	return ret->certificate && ret->key ? 0 : -EINVAL;
}

/* ---- TLS --------------------------------------------------------------------------------- */

static int choose_site(SSL *ssl, void *arg)
{
	struct crowd *crowd = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	long number = name ? site_of(crowd, name) : -1;
	X509 *site = number < 0 ? NULL : find_site(crowd, (unsigned)number);

	return site && SSL_use_cert_and_key(ssl, site, crowd->key, crowd->chain, 1);
}

/* One suite, so that no leg can choose another; a group of the two that proxies have. Tickets are
 * good for all workers, which have this context from before they were made. */
static int make_ctx(struct crowd *crowd)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	static const unsigned char id[] = "crowd";

	crowd->ctx = ctx;
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") ||
	    !SSL_CTX_set1_groups_list(ctx, "P-256:X25519") ||
	    !SSL_CTX_set_session_id_context(ctx, id, sizeof(id)))
		return -EINVAL;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                              SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_cert_cb(ctx, choose_site, crowd);
	return 0;
}

/* ---- workers ----------------------------------------------------------------------------- */

static int start_worker(struct crowd *crowd, const struct options *opt)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int one = 1;

	crowd->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	crowd->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (crowd->epoll_fd < 0 || crowd->listen_fd < 0 ||
	    setsockopt(crowd->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    setsockopt(crowd->listen_fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    bind(crowd->listen_fd, (const struct sockaddr *)&opt->address, sizeof(opt->address)) <
	            0 ||
	    listen(crowd->listen_fd, BACKLOG) < 0 ||
	    epoll_ctl(crowd->epoll_fd, EPOLL_CTL_ADD, crowd->listen_fd, &event) < 0)
		return -errno;
	return 0;
}

static void work(struct crowd *crowd)
{
	struct epoll_event events[EVENTS_A_TURN];

	for (;;) {
		int count = epoll_wait(crowd->epoll_fd, events, EVENTS_A_TURN, -1);
		bool new_ones = false;

		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				visit_step(events[i].data.ptr);
			else
				new_ones = true;
		}
		if (new_ones)
			visit_accept(crowd);
	}
}

/* Workers end with this process, which is the last of them. */
static int run(struct crowd *crowd, const struct options *opt)
{
	bool first = true;

	for (unsigned i = 1; first && i < opt->workers; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		first = pid > 0;
	}
	if (!first)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (start_worker(crowd, opt) < 0) {
		perror("crowd: cannot listen");
		return -EINVAL;
	}
	work(crowd);
	return 0;
}

/* ---- options ----------------------------------------------------------------------------- */

static int read_address(char *text, struct sockaddr_in *ret)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	ret->sin_family = AF_INET;
	ret->sin_port = htons((uint16_t)atoi(colon + 1));
	return inet_pton(AF_INET, text, &ret->sin_addr) == 1 ? 0 : -EINVAL;
}

static int read_options(struct options *opt, int argc, char **argv)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
	                                        {"issuer", required_argument, NULL, 'i'},
	                                        {"issuer-key", required_argument, NULL, 'k'},
	                                        {"sites", required_argument, NULL, 'n'},
	                                        {"workers", required_argument, NULL, 'w'},
	                                        {"big", required_argument, NULL, 'b'},
	                                        {"canary", required_argument, NULL, 'c'},
	                                        {NULL, 0, NULL, 0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'l' && read_address(optarg, &opt->address) == 0)
			continue;
		else if (letter == 'i')
			opt->issuer = optarg;
		else if (letter == 'k')
			opt->issuer_key = optarg;
		else if (letter == 'n')
			opt->sites = (unsigned)atoi(optarg);
		else if (letter == 'w')
			opt->workers = (unsigned)atoi(optarg);
		else if (letter == 'b')
			opt->big = strtoull(optarg, NULL, 10);
		else if (letter == 'c')
			opt->canary = optarg;
		else
			return -EINVAL;
	}
	return opt->address.sin_port && opt->issuer && opt->issuer_key && opt->sites >= 1 &&
	                       opt->sites <= CROWD_SITES_MAX && opt->workers >= 1 &&
	                       opt->workers <= WORKERS_MAX && optind == argc
	               ? 0
	               : -EINVAL;
}

int main(int argc, char **argv)
{
	struct options opt = {.workers = 2};
	struct crowd crowd = {.listen_fd = -1};
	int rc;

	if (read_options(&opt, argc, argv) < 0)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	crowd.big = opt.big;
	crowd.canary = opt.canary;
	crowd.sites_count = opt.sites;
	rc = read_issuer(&opt, &crowd.issuer);
	if (rc == 0)
		rc = make_sites(&crowd, opt.workers > 1);
	if (rc == 0)
		rc = make_ctx(&crowd);
	if (rc == 0)
		rc = run(&crowd, &opt);
	if (rc < 0) {
		ERR_print_errors_fp(stderr);
		fprintf(stderr, "crowd: cannot start\n");
	}
	return 1;
}
