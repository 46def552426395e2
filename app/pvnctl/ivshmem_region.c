/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Regions of the keeper.
 */
#include "ivshmem.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REGION_WORDS "size, vectors, guests, hugepages, file, mode, user or group"

/* ---- from text ---- */

struct region_text {
	struct keeper_region *region;
	struct pvn_ivshmem_server_cfg cfg;
};

/* "64M": bytes. */
static int
take_size(const char *key, const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end = NULL;

	errno = 0;
	*bytes = strtoull(text, &end, 10);
	unit = *end != '\0' ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (errno == 0 && isdigit((unsigned char)text[0]) &&
	    (*end == '\0' || (unit != NULL && end[1] == '\0'))) {
		unsigned int shift = unit != NULL ? 10 * (unit - units + 1) : 0;

		if (*bytes << shift >> shift == *bytes) {
			*bytes <<= shift;
			return 0;
		}
	}
	return ctl_fail("%s '%s': expected bytes, as 64M; with K, M, G or T", key, text);
}

static int
take_number(const char *key, const char *text, unsigned long max, uint32_t *to)
{
	unsigned long value;
	int ret = ctl_number(key, text, 1, max, &value);

	*to = ret == 0 ? value : 0;
	return ret;
}

static int
take_mode(const char *text, mode_t *mode)
{
	char *end = NULL;
	unsigned long value = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)text[0]) || *end != '\0' || value == 0 || value > 0777)
		return ctl_fail("mode '%s': expected 1..0777, in octal", text);
	*mode = value;
	return 0;
}

static int
take_user(const char *text, struct pvn_ivshmem_server_cfg *cfg)
{
	const struct passwd *user = getpwnam(text);
	unsigned long number;

	if (user == NULL && ctl_number("user", text, 0, UINT32_MAX - 1, &number) < 0)
		return ctl_fail("there is no user '%s'", text);
	cfg->uid = user != NULL ? user->pw_uid : number;
	cfg->chown = true;
	return 0;
}

static int
take_group(const char *text, struct pvn_ivshmem_server_cfg *cfg)
{
	const struct group *group = getgrnam(text);
	unsigned long number;

	if (group == NULL && ctl_number("group", text, 0, UINT32_MAX - 1, &number) < 0)
		return ctl_fail("there is no group '%s'", text);
	cfg->gid = group != NULL ? group->gr_gid : number;
	cfg->chown = true;
	return 0;
}

static int
take_word(struct region_text *t, const char *key, const char *value)
{
	if (strcmp(key, "size") == 0)
		return take_size(key, value, &t->cfg.size);
	if (strcmp(key, "hugepages") == 0)
		return take_size(key, value, &t->cfg.huge_page);
	if (strcmp(key, "vectors") == 0)
		return take_number(key, value, 32, &t->cfg.vectors);
	if (strcmp(key, "guests") == 0)
		return take_number(key, value, PVN_IVSHMEM_GUESTS_MAX, &t->cfg.guests);
	if (strcmp(key, "mode") == 0)
		return take_mode(value, &t->cfg.mode);
	if (strcmp(key, "user") == 0)
		return take_user(value, &t->cfg);
	if (strcmp(key, "group") == 0)
		return take_group(value, &t->cfg);
	if (strcmp(key, "file") != 0)
		return ctl_fail("'%s': expected " REGION_WORDS, key);
	if (value[0] != '/' || strlen(value) >= sizeof(t->region->file))
		return ctl_fail("file '%s': expected a path that begins with /", value);
	strcpy(t->region->file, value);
	t->cfg.file = t->region->file;
	return 0;
}

static int
take_text(struct region_text *t, char *text)
{
	char *save = NULL, *word = strtok_r(text, ",", &save);
	int ret = 0;

	if (word == NULL || pvn_ivshmem_check_name(word) < 0)
		return ctl_fail("region: %s",
				word != NULL ? pvn_ivshmem_why() : "expected NAME,size=BYTES");
	strcpy(t->region->name, word);
	while (ret == 0 && (word = strtok_r(NULL, ",", &save)) != NULL) {
		char *value = strchr(word, '=');

		if (value == NULL)
			return ctl_fail("region %s: '%s': expected WORD=VALUE, of " REGION_WORDS,
					t->region->name, word);
		*value = '\0';
		ret = take_word(t, word, value + 1);
	}
	if (ret < 0)
		return ctl_fail("region %s: %s", t->region->name, ctl_why());
	if (t->cfg.size == 0)
		return ctl_fail("region %s: size= is missing", t->region->name);
	return 0;
}

/* ---- adding and removing ---- */

static struct keeper_region *
find(const struct keeper_regions *regions, const char *name)
{
	struct keeper_region *r;

	LIST_FOREACH(r, regions, next)
	if (strcmp(r->name, name) == 0)
		return r;
	return NULL;
}

static int
check_new(const struct keeper_regions *regions, const char *name)
{
	const struct keeper_region *r;
	const size_t len = strlen(name);
	unsigned int count = 0;

	if (find(regions, name) != NULL)
		return ctl_fail("there is a region %s already", name);
	/* These are other sockets' names. */
	if (strcmp(name, "control") == 0 || (len > 5 && strcmp(name + len - 5, ".host") == 0))
		return ctl_fail("a region cannot be called '%s'", name);
	LIST_FOREACH(r, regions, next)
	count++;
	if (count >= KEEPER_REGIONS_MAX)
		return ctl_fail("there are %u regions already, and there is room for no more",
				count);
	return 0;
}

static int
start(struct region_text *t, const char *folder)
{
	struct keeper_region *r = t->region;

	if ((size_t)snprintf(r->path, sizeof(r->path), "%s/%s", folder, r->name) >= sizeof(r->path))
		return ctl_fail("%s/%s: the path is too long for a socket", folder, r->name);
	t->cfg.name = r->name;
	t->cfg.path = r->path;
	if (t->cfg.chown && t->cfg.uid == (uid_t)-1)
		t->cfg.uid = getuid();
	if (t->cfg.chown && t->cfg.gid == (gid_t)-1)
		t->cfg.gid = getgid();
	if (pvn_ivshmem_server_new(&t->cfg, &r->server) < 0)
		return ctl_fail("region %s: %s", r->name, pvn_ivshmem_why());
	r->huge_page = t->cfg.huge_page;
	r->guests = t->cfg.guests != 0 ? t->cfg.guests : PVN_IVSHMEM_GUESTS_DEFAULT;
	return 0;
}

int
region_add(struct keeper_regions *regions, const char *folder, const char *text)
{
	struct region_text t = {.region = calloc(1, sizeof(*t.region)),
				.cfg = {.uid = (uid_t)-1, .gid = (gid_t)-1}};
	char *copy = strdup(text);
	int ret = t.region != NULL && copy != NULL ? 0 : ctl_fail("no memory");

	if (ret == 0)
		ret = take_text(&t, copy);
	if (ret == 0)
		ret = check_new(regions, t.region->name);
	if (ret == 0)
		ret = start(&t, folder);
	free(copy);
	if (ret == 0)
		LIST_INSERT_HEAD(regions, t.region, next);
	else
		free(t.region);
	return ret;
}

static void
end(struct keeper_region *r)
{
	LIST_REMOVE(r, next);
	pvn_ivshmem_server_free(r->server);
	free(r);
}

int
region_remove(struct keeper_regions *regions, const char *name)
{
	struct keeper_region *r = find(regions, name);

	if (r == NULL)
		return ctl_fail("there is no region '%s'", name);
	end(r);
	return 0;
}

void
regions_end(struct keeper_regions *regions)
{
	while (!LIST_EMPTY(regions))
		end(LIST_FIRST(regions));
}

/* ---- to JSON ---- */

static json_t *
clients_json(struct keeper_region *r)
{
	struct pvn_ivshmem_client who[PVN_IVSHMEM_GUESTS_MAX + 1];
	uint32_t n = pvn_ivshmem_server_clients(r->server, who, PVN_IVSHMEM_GUESTS_MAX + 1);
	json_t *list = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:i, s:i, s:i, s:i}", "number",
						(int)who[i].number, "pid", (int)who[i].pid, "uid",
						(int)who[i].uid, "gid", (int)who[i].gid));
	return list;
}

json_t *
region_json(struct keeper_region *r)
{
	struct pvn_ivshmem_server_stats stats;
	char memory[64];

	pvn_ivshmem_server_stats(r->server, &stats);
	snprintf(memory, sizeof(memory), "/proc/%d/fd/%d", (int)getpid(),
		 pvn_ivshmem_server_memory(r->server));
	return json_pack("{s:s, s:I, s:i, s:i, s:I, s:s, s:s, s:I, s:I, s:I, s:o}", "name", r->name,
			 "size", (json_int_t)pvn_ivshmem_server_size(r->server), "vectors",
			 (int)pvn_ivshmem_server_vectors(r->server), "guests_max", (int)r->guests,
			 "hugepages", (json_int_t)r->huge_page, "memory",
			 r->file[0] != '\0' ? r->file : memory, "socket", r->path, "came",
			 (json_int_t)stats.came, "refused", (json_int_t)stats.refused, "dropped",
			 (json_int_t)stats.dropped, "clients", clients_json(r));
}
