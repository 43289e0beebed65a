/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tps support-bundle (R163): answers of the commands that show something, as one tar file. Only
 * what the command socket gives goes in: it never gives keys or plaintext, so neither can this.
 * The configuration goes in as its document, in which keys are paths.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tps/run.h"

enum { BLOCK = 512 };

static const struct {
	const char *file;
	const char *words;
	const char *arguments; /* JSON, NULL for none */
} parts[] = {
        {"version.json", "show version", NULL},
        {"processes.json", "show processes", NULL},
        {"segments.json", "show segments", NULL},
        {"virtual-segments.json", "show virtual segments", NULL},
        {"certificates.json", "show certificates", NULL},
        {"counters.json", "show counters", NULL},
        {"capacity.json", "show capacity", NULL},
        {"capabilities.json", "show ssl-inspection capabilities", NULL},
        {"failures.json", "show ssl-inspection failures", "{\"last\":\"1d\"}"},
        {"troubleshoot.json", "show ssl-inspection troubleshoot", "{\"case\":\"not-inspected\"}"},
        {"sessions.json", "show tse ssl-inspection", NULL},
        {"panic.json", "panic status", NULL},
        {"config.json", "config show", NULL},
        {"config-history.json", "config history", NULL},
        {"log-system.json", "show log", "{\"kind\":\"system\",\"last\":\"2000\"}"},
        {"log-ssl_inspection.json", "show log", "{\"kind\":\"ssl_inspection\",\"last\":\"2000\"}"},
        {"log-ips_block.json", "show log", "{\"kind\":\"ips_block\",\"last\":\"500\"}"},
        {"log-audit.json", "show log", "{\"kind\":\"audit\",\"last\":\"500\"}"},
};

/* POSIX.1-1988 ustar. */
struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};

_Static_assert(sizeof(struct tar_header) == BLOCK, "a tar header is one block");

static void octal(char *field, size_t size, unsigned long long n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%0*llo", (int)size - 1, n);
	memcpy(field, text, size - 1);
}

static bool tar_add(FILE *tar, const char *name, const char *data, size_t len)
{
	static const char zeros[BLOCK];
	struct tar_header h;
	unsigned sum = 0;

	memset(&h, 0, sizeof(h));
	(void)snprintf(h.name, sizeof(h.name), "sluice-support/%s", name);
	octal(h.mode, sizeof(h.mode), 0600);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), len);
	octal(h.mtime, sizeof(h.mtime), (unsigned long long)time(NULL));
	h.type = '0';
	memcpy(h.magic, "ustar", 6);
	memcpy(h.version, "00", 2);
	memset(h.sum, ' ', sizeof(h.sum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	octal(h.sum, sizeof(h.sum) - 1, sum);
	h.sum[6] = '\0';
	return fwrite(&h, BLOCK, 1, tar) == 1 && (len == 0 || fwrite(data, len, 1, tar) == 1) &&
	       (len % BLOCK == 0 || fwrite(zeros, BLOCK - len % BLOCK, 1, tar) == 1);
}

struct text {
	FILE *f;
	char *data;
	size_t len;
};

static bool add_piece(void *arg, const json_t *data)
{
	struct text *t = arg;

	return json_dumpf(data, t->f, JSON_INDENT(1) | JSON_ENCODE_ANY) == 0 &&
	       fputc('\n', t->f) != EOF;
}

/* A command that is refused leaves its refusal in the file: that is worth knowing too. */
static bool add_part(struct tps *tps, FILE *tar, size_t i)
{
	json_t *arguments = parts[i].arguments ? json_loads(parts[i].arguments, 0, NULL) : NULL;
	struct text t = {.data = NULL};
	enum tps_exit status;
	json_t *error;
	bool ok;

	t.f = open_memstream(&t.data, &t.len);
	if (!t.f)
		return false;
	status = client_request(tps->client, parts[i].words, arguments, add_piece, &t, &error);
	if (error)
		(void)add_piece(&t, error);
	(void)fclose(t.f);
	ok = status != TPS_NO_DAEMON && tar_add(tar, parts[i].file, t.data, t.len);
	free(t.data);
	json_decref(error);
	json_decref(arguments);
	return ok;
}

static bool add_host(FILE *tar)
{
	struct utsname u;
	char text[1024];
	int n;

	if (uname(&u) != 0)
		return false;
	n = snprintf(text, sizeof(text), "%s %s %s\ncores %ld\npages %ld of %ld bytes\n", u.sysname,
	             u.release, u.machine, sysconf(_SC_NPROCESSORS_ONLN), sysconf(_SC_PHYS_PAGES),
	             sysconf(_SC_PAGESIZE));
	return tar_add(tar, "host.txt", text, (size_t)n);
}

static bool write_bundle(struct tps *tps, FILE *tar)
{
	static const char end[2 * BLOCK];
	bool ok = add_host(tar);

	for (size_t i = 0; ok && i < SL_ARRAY_LEN(parts); i++)
		ok = add_part(tps, tar, i);
	return ok && fwrite(end, sizeof(end), 1, tar) == 1;
}

enum tps_exit tps_support_bundle(struct tps *tps, json_t *arguments)
{
	const char *path = json_string_value(json_object_get(arguments, "file"));
	enum tps_exit status = tps_connect(tps);
	char name[64];
	FILE *tar;
	int fd;

	if (status != TPS_OK)
		return status;
	(void)snprintf(name, sizeof(name), "sluice-support-%lld.tar", (long long)time(NULL));
	path = path ? path : name;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	tar = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!tar) {
		(void)fprintf(stderr, "tps: %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return TPS_REFUSED;
	}
	if (!write_bundle(tps, tar))
		status = TPS_REFUSED;
	if (fclose(tar) != 0)
		status = TPS_REFUSED;
	if (status == TPS_OK)
		(void)printf("%s\n", path);
	else
		(void)fprintf(stderr, "tps: %s is not complete\n", path);
	return status;
}
