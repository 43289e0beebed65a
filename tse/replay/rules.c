/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule files for tse-replay.
 */
#include "tse/replay/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { FILE_MAX_BYTES = 256 * 1024 * 1024 };

static const struct tse_variable defaults[] = {
        {"HOME_NET", "any"},        {"EXTERNAL_NET", "any"},
        {"HTTP_SERVERS", "any"},    {"SMTP_SERVERS", "any"},
        {"SQL_SERVERS", "any"},     {"DNS_SERVERS", "any"},
        {"TELNET_SERVERS", "any"},  {"AIM_SERVERS", "any"},
        {"DC_SERVERS", "any"},      {"HTTP_PORTS", "[80,443,8000,8080,8443]"},
        {"SHELLCODE_PORTS", "!80"}, {"ORACLE_PORTS", "1521"},
        {"SSH_PORTS", "22"},        {"FTP_PORTS", "21"},
        {"FILE_DATA_PORTS", "any"}, {"FTP_SERVERS", "any"},
        {"SIP_SERVERS", "any"},     {"SIP_PORTS", "any"},
};

void rules_set_defaults(struct rules *r)
{
	memcpy(r->variables, defaults, sizeof(defaults));
	r->nvariables = SL_ARRAY_LEN(defaults);
}

int rules_set_variable(struct rules *r, char *assignment)
{
	char *equals = strchr(assignment, '=');
	size_t i = 0;

	if (!equals || equals == assignment)
		return SL_EINVAL;
	*equals = '\0';
	while (i < r->nvariables && strcmp(r->variables[i].name, assignment) != 0)
		i++;
	if (i == RULES_VARIABLES_MAX)
		return SL_ELIMIT;
	r->variables[i] = (struct tse_variable){assignment, equals + 1};
	r->nvariables = SL_MAX(r->nvariables, i + 1);
	return 0;
}

static char *read_all(FILE *f, size_t *ret_len)
{
	size_t size = 65536;
	size_t len = 0;
	char *data = malloc(size);

	while (data && len < FILE_MAX_BYTES) {
		size_t n = fread(data + len, 1, size - len, f);
		char *bigger;

		if (n == 0)
			break;
		len += n;
		if (len < size)
			continue;
		size *= 2;
		bigger = realloc(data, size);
		if (!bigger)
			free(data);
		data = bigger;
	}
	if (data && (ferror(f) || len >= FILE_MAX_BYTES)) {
		free(data);
		errno = len >= FILE_MAX_BYTES ? EFBIG : EIO;
		return NULL;
	}
	*ret_len = len;
	return data;
}

char *rules_read_file(const char *name, size_t *ret_len)
{
	bool standard = strcmp(name, "-") == 0;
	FILE *f = standard ? stdin : fopen(name, "rbe");
	char *data;
	int saved;

	if (!f)
		return NULL;
	data = read_all(f, ret_len);
	saved = errno;
	if (!standard)
		(void)fclose(f);
	errno = saved;
	return data;
}

static void tell(void *arg, const struct tse_diag *d)
{
	struct rules *r = arg;

	if (d->warning)
		r->warned++;
	else
		r->errors++;
	if (!r->diag || (d->warning && !r->warnings))
		return;
	(void)fprintf(r->diag, "%s:%u", d->file, d->line);
	if (d->column)
		(void)fprintf(r->diag, ":%u", d->column);
	(void)fprintf(r->diag, ": %s", d->warning ? "warning" : "refused");
	if (d->sid)
		(void)fprintf(r->diag, ": sid %u", d->sid);
	(void)fprintf(r->diag, ": %s%s%s\n", d->text, *d->remedy ? "; " : "", d->remedy);
}

int rules_compile(struct rules *r, const char **ret_file, struct tse_ruleset **ret_set)
{
	struct tse_source sources[RULES_FILES_MAX] = {0};
	char *texts[RULES_FILES_MAX] = {0};
	struct tse_compile how = {.sources = sources,
	                          .nsources = r->nfiles,
	                          .variables = r->variables,
	                          .nvariables = r->nvariables,
	                          .diag = tell,
	                          .diag_arg = r};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->nfiles; i++) {
		sources[i].name = *ret_file = r->files[i];
		texts[i] = rules_read_file(r->files[i], &sources[i].len);
		sources[i].text = texts[i];
		rc = texts[i] ? 0 : SL_ESYS;
	}
	if (rc == 0)
		rc = tse_ruleset_compile(&how, ret_set);
	for (size_t i = 0; i < r->nfiles; i++)
		free(texts[i]);
	return rc;
}
