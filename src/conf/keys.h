/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of mantle.conf, one row each: the id (CONF_ before it), section, key, default, what it means in
 * one line, and the type with its bounds. Everything else (reading, checking, messages, the table of
 * mantle.conf(5)) follows from here. An empty default means that the key is not set.
 */
#pragma once
#include "base/time.h"

#define CONF_KEYS(KEY, INTEGER, DURATION, CHOICE, TYPE)                                                      \
    KEY(RESOLVER_PORT, "resolver", "port", "135", INTEGER(CONF_PORT, 1, 65535),                              \
        "TCP port of the endpoint mapper, object exporter and activation services. Other machines expect "   \
        "135.")                                                                                              \
    KEY(RESOLVER_LISTEN, "resolver", "listen", "", TYPE(CONF_ADDRESSES),                                     \
        "Addresses the resolver listens on. Not set: all, IPv6 and IPv4.")                                   \
    KEY(RESOLVER_HOSTS_FILE, "resolver", "hosts_file", "", TYPE(CONF_PATH),                                  \
        "Names and addresses of hosts, looked at before DNS: lines as of hosts(5), where the address may "   \
        "carry the port "                                                                                    \
        "of that host's resolver.")                                                                          \
    KEY(RESOLVER_PING_PERIOD, "resolver", "ping_period", "2min",                                             \
        DURATION(100 * NS_PER_MS, 3600 * NS_PER_SECOND),                                                     \
        "How often objects of other machines are pinged while they are in use here; objects of this "        \
        "machine that nobody pinged for three times as long are reclaimed. All machines need the same.")     \
    KEY(EXPORTER_PORT, "exporter", "port", "24158", INTEGER(CONF_PORT, 0, 65535),                            \
        "TCP port of mantled's own objects. 0: any free port.")                                              \
    KEY(EXPORTER_NAME, "exporter", "name", "", TYPE(CONF_STRING),                                            \
        "Host name published in the bindings of exported objects. Not set: the name of this machine.")       \
    KEY(EXPORTER_ADDRESSES, "exporter", "addresses", "", TYPE(CONF_ADDRESSES),                               \
        "Addresses published in bindings and listened on. Not set: all of this machine.")                    \
    KEY(EXPORTER_LOCAL, "exporter", "local", "yes", TYPE(CONF_BOOLEAN),                                      \
        "Calls within this machine go over UNIX sockets, as the account that the kernel says the caller "    \
        "is. no: over TCP, like all others.")                                                                \
    KEY(LIMITS_PREAUTH_BYTES, "limits", "preauth_bytes", "65536", INTEGER(CONF_INTEGER, 8192, 16777216),     \
        "Bytes a connection may send before it is authenticated.")                                           \
    KEY(LIMITS_PREAUTH_SECONDS, "limits", "preauth_seconds", "30", INTEGER(CONF_INTEGER, 1, 3600),           \
        "Seconds a connection may take to authenticate.")                                                    \
    KEY(LIMITS_CONNECTIONS_PER_ADDRESS, "limits", "connections_per_address", "64",                           \
        INTEGER(CONF_INTEGER, 1, 65536), "Connections from one address (one /64 of IPv6) at a time.")        \
    KEY(LIMITS_THREADS_MAX, "limits", "threads_max", "256", INTEGER(CONF_INTEGER, 2, 4096),                  \
        "Threads that serve calls. When all are taken, callers are told that the server is too busy.")       \
    KEY(LIMITS_CONTEXTS_PER_CONNECTION, "limits", "contexts_per_connection", "2048",                         \
        INTEGER(CONF_INTEGER, 1, 65536), "Security contexts one connection may hold.")                       \
    KEY(LIMITS_CALLS_PER_CALLER, "limits", "calls_per_caller", "64", INTEGER(CONF_INTEGER, 1, 4096),         \
        "Calls of one caller that run at a time.")                                                           \
    KEY(SECURITY_KEYTAB, "security", "keytab", "", TYPE(CONF_PATH),                                          \
        "Keytab of the service. Not set: the process has no key of its own and cannot be called with "       \
        "Kerberos.")                                                                                         \
    KEY(SECURITY_PRINCIPAL, "security", "principal", "", TYPE(CONF_STRING),                                  \
        "Principal the process acts as with its keytab, for example host/a.example.org@EXAMPLE.ORG.")        \
    KEY(SECURITY_CCACHE, "security", "ccache", "", TYPE(CONF_STRING),                                        \
        "Credential cache the process acts with, for example FILE:/run/user/1000/krb5cc.")                   \
    KEY(SECURITY_ALLOW_RC4, "security", "allow_rc4", "no", TYPE(CONF_BOOLEAN),                               \
        "Accept and ask for RC4 tickets, which are weak. Needed only for peers without AES keys.")           \
    KEY(SECURITY_NTLM, "security", "ntlm", "no", TYPE(CONF_BOOLEAN),                                         \
        "Accept callers by NTLM, call by it where a program asks for it, and let Negotiate end with NTLM "   \
        "where no KDC can be asked. NTLM proves no server, cannot delegate, and its answers can be relayed " \
        "by who receives them.")                                                                             \
    KEY(SECURITY_NTLM_USERS, "security", "ntlm_users", "", TYPE(CONF_PATH),                                  \
        "File of the accounts that NTLM callers are verified against, one DOMAIN:user:password or "          \
        "smbpasswd "                                                                                         \
        "line each. Nobody else may read it. Not set: none is.")                                             \
    KEY(SECURITY_NTLM_ACCOUNTS, "security", "ntlm_accounts", "users", CHOICE(CONF_NTLM_ACCOUNTS),            \
        "Whose accounts NTLM callers are verified against. users: those of ntlm_users. winbind: those that " \
        "winbindd of this machine vouches for, the accounts of its domain; programs have to be in the "      \
        "group that may ask it, winbindd_priv (SupplementaryGroups= in a drop-in of mantled.service). "      \
        "both: who is in the file of ntlm_users is verified by it "                                          \
        "and by nothing else, also where that refuses; all others by winbindd. Who cannot be verified is "   \
        "refused, also where winbindd does not answer.")                                                     \
    KEY(SECURITY_PROTOCOL_TRANSITION, "security", "protocol_transition", "no", TYPE(CONF_BOOLEAN),           \
        "Let programs that run with this configuration make identities for users who did not prove "         \
        "themselves by Kerberos (S4U2self); where those may go says the KDC.")                               \
    KEY(SECURITY_ACTIVATION_FLOOR, "security", "activation_floor", "integrity", CHOICE(CONF_AUTHN_LEVELS),   \
        "Lowest authentication level at which objects are activated for others.")                            \
    KEY(SECURITY_KDC_TIMEOUT, "security", "kdc_timeout", "5s",                                               \
        DURATION(100 * NS_PER_MS, 300 * NS_PER_SECOND), "How long an exchange with a KDC may take.")         \
    KEY(SECURITY_AUTHN_LEVEL, "security", "authn_level", "connect", CHOICE(CONF_AUTHN_LEVELS),               \
        "Authentication level of processes that do not call CoInitializeSecurity.")                          \
    KEY(SECURITY_IMP_LEVEL, "security", "imp_level", "identify", CHOICE(CONF_IMP_LEVELS),                    \
        "Impersonation level of processes that do not call CoInitializeSecurity.")                           \
    KEY(SECURITY_IMPERSONATE, "security", "impersonate", "root mantle", TYPE(CONF_LIST),                     \
        "Accounts, and @groups, whose processes may act as their callers. Others learn who called them, at " \
        "IDENTIFY. Decided by mantle-authd.")                                                                \
    KEY(SECURITY_MACHINE_IDENTITY, "security", "machine_identity", "root mantle", TYPE(CONF_LIST),           \
        "Accounts, and @groups, whose processes may act as this machine, with the keytab that mantle-authd " \
        "holds.")                                                                                            \
    KEY(SECURITY_ADMINISTRATORS, "security", "administrators", "", TYPE(CONF_LIST),                          \
        "Who is a member of Administrators, BA in SDDL: principals, local accounts, %groups, SIDs.")         \
    KEY(SECURITY_DEFAULT_LAUNCH, "security", "default_launch", "D:(A;;CCDCLCSWRP;;;AU)", TYPE(CONF_STRING),  \
        "SDDL: who may activate and launch classes that have no permission of their own. Not set, and "      \
        "activation_floor = none: also those who do not authenticate.")                                      \
    KEY(SECURITY_MACHINE_LAUNCH_LIMIT, "security", "machine_launch_limit", "", TYPE(CONF_STRING),            \
        "SDDL that is asked in addition at every activation. Not set: no limit.")                            \
    KEY(SECURITY_SECURE_REFERENCES, "security", "secure_references", "no", TYPE(CONF_BOOLEAN),               \
        "Whether processes that do not call CoInitializeSecurity count references by caller.")               \
    KEY(SECURITY_DEFAULT_ACCESS, "security", "default_access", "", TYPE(CONF_STRING),                        \
        "SDDL: who may call processes that leave it to the configuration. Not set: the process's own "       \
        "identity and SYSTEM.")                                                                              \
    KEY(SECURITY_MACHINE_ACCESS_LIMIT, "security", "machine_access_limit", "", TYPE(CONF_STRING),            \
        "SDDL that is asked in addition at every call of every process. Not set: no limit.")                 \
    KEY(AUTHORITY_SOCKET, "authority", "socket", "", TYPE(CONF_PATH),                                        \
        "Socket of mantle-authd, for example /run/mantle-authd.socket. Set: it holds the keytab and all "    \
        "tickets, and processes that cannot reach it fail. Not set: each process reads the keytab itself.")  \
    KEY(ACCOUNTS_MAP_BY_NAME, "accounts", "map_by_name", "", TYPE(CONF_LIST),                                \
        "Realms whose users are the local accounts of the same name. Not set: identities are accounts by "   \
        "SID "                                                                                               \
        "alone, where SSSD or winbind know it.")                                                             \
    KEY(ACCOUNTS_MIN_UID, "accounts", "min_uid", "1000", INTEGER(CONF_INTEGER, 1, 4294967294),               \
        "Lowest uid that an identity can map to. Root is never mapped to.")                                  \
    KEY(ACCOUNTS_UNMAPPED, "accounts", "unmapped_account", "nobody", TYPE(CONF_STRING),                      \
        "Account that work for identities without one runs as; the word none: it is refused.")               \
    KEY(AUDIT_JOURNAL, "audit", "journal", "yes", TYPE(CONF_BOOLEAN),                                        \
        "Whether calls that act as their caller, activations and refusals are records of the journal.")      \
    KEY(PATHS_RUNTIME, "paths", "runtime", "/run/mantle", TYPE(CONF_PATH),                                   \
        "Directory of the UNIX sockets through which processes of this machine talk to mantled.")            \
    KEY(PATHS_CLASSES, "paths", "classes_dir", "/etc/mantle/classes.d", TYPE(CONF_PATH),                     \
        "Directory of the files that say which accounts may serve which classes.")

/* The place of a choice is its value: these are RPC_C_AUTHN_LEVEL_* and RPC_C_IMP_LEVEL_*. 0 cannot be
 * chosen. */
#define CONF_AUTHN_LEVELS "|none|connect|call|packet|integrity|privacy"
#define CONF_IMP_LEVELS   "|anonymous|identify|impersonate|delegate"
/* Bits: 1 users, 2 winbind. */
#define CONF_NTLM_ACCOUNTS         "|users|winbind|both"
#define CONF_NTLM_ACCOUNTS_USERS   1
#define CONF_NTLM_ACCOUNTS_WINBIND 2
