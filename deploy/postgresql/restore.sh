#!/bin/sh
# A server's folder as it was at a moment: restore.sh BASE TARGET [MOMENT], the log out of WAL_KEPT.
# MOMENT: `2026-11-27 14:03:00+00`; without one, all that was kept. Start it with `pg_ctl start -D TARGET`.
set -eu
umask 077
kept=${WAL_KEPT:-/var/backups/school-protocol-wal}
if [ -e "$2" ]; then
    echo "$2 is there already: a restore never writes into anything" >&2
    exit 1
fi
pg_verifybackup --quiet "$1"
rm -rf "$2.part"
cp -a "$1" "$2.part"
{
    echo "restore_command = 'cp \"$kept/%f\" \"%p\"'"
    [ -z "${3:-}" ] || echo "recovery_target_time = '$3'"
    echo "recovery_target_action = 'promote'"
    # An exercise leaves the log of the real server alone. Turn it on again once a new base backup was made.
    echo "archive_mode = off"
} >>"$2.part/postgresql.auto.conf"
touch "$2.part/recovery.signal"
mv "$2.part" "$2"
