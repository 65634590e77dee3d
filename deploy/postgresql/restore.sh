#!/bin/sh
# A server's folder as it was at a moment: restore.sh BASE TARGET [MOMENT], the log out of WAL_KEPT.
# BASE is a folder as base-backup.sh named it. Without a MOMENT: all that was kept.
set -eu
umask 077
LC_ALL=C
export LC_ALL

refuse() {
    printf '%s\n' "$1" >&2
    exit "${2:-1}"
}

form="MOMENT is written YYYY-MM-DD HH:MM:SS+ZZ, as '2026-11-27 14:03:00+00' (also +ZZ:ZZ, -ZZ)"
if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    refuse "WAL_KEPT=FOLDER restore.sh BASE TARGET [MOMENT]; $form" 2
fi
base=${1%/}
target=$2
if [ $# -eq 3 ]; then
    d='[0-9]'
    time="$d$d$d$d-$d$d-$d$d $d$d:$d$d:$d$d"
    # shellcheck disable=SC2254
    case $3 in
    $time[+-]0$d | $time[+-]0$d:[0-5]$d | $time[+-]1[0-4] | $time[+-]1[0-4]:[0-5]$d) ;;
    *) refuse "$form, not: $3" ;;
    esac
    moment=$(date -u -d "$3" +%Y%m%d%H%M%S 2>/dev/null) || refuse "$form; there is no such time: $3"
    name=${base##*/}
    # shellcheck disable=SC2254
    case $name in
    $d$d$d$d$d$d$d$d"T"$d$d$d$d$d$d"Z") ;;
    *) refuse "$base is not named as base-backup.sh named it: the name says when it was made (20261127T140300Z)" ;;
    esac
    if [ "$moment" -le "$(printf %s "$name" | tr -d TZ)" ]; then
        refuse "BASE was made at $name, after $3: take an older one"
    fi
fi

kept=${WAL_KEPT:-/var/backups/school-protocol-wal}
[ -d "$kept" ] || refuse "WAL_KEPT=$kept is no folder: say where the log is kept"
kept=$(cd "$kept" && pwd)
case $kept in
*[\'\"\\\`\$%]*) refuse "$kept: a folder without quotes, \\, \$ and % in its name, please" ;;
esac
[ -f "$base/backup_label" ] || refuse "$base is no base backup: there is no backup_label in it"
first=$(sed -n 's/^START WAL LOCATION: .* (file \([0-9A-F]*\))$/\1/p' "$base/backup_label")
[ -n "$first" ] && [ -f "$kept/$first" ] ||
    refuse "$kept lacks $first, the file of the log with which $base begins: is WAL_KEPT the right folder?"
last=$(ls "$kept" | grep -Ex '[0-9A-F]{24}' | sort | tail -n 1)

# PostgreSQL takes the first file that is missing for the end of the log, and says nothing of those behind it.
if [ $# -lt 3 ]; then
    each=$((4294967296 / $(wc -c <"$kept/$first"))) # files in each 4 GiB of the log
    next=
    for name in $(ls "$kept" | grep -Ex '[0-9A-F]{24}' | sort); do
        [ "$name" = "$first" ] || [ -n "$next" ] || continue
        if [ -n "$next" ] && [ "${name%????????????????}" = "${next%????????????????}" ] && [ "$name" != "$next" ]; then
            refuse "$kept lacks $next, and has $name: name a MOMENT before $(date -u -r "$kept/$before" '+%Y-%m-%d %H:%M:%S+00'), or find it"
        fi
        before=$name
        log=$((0x${name%????????} & 0xFFFFFFFF)) at=$((0x${name#????????????????} + 1))
        [ "$at" -lt "$each" ] || log=$((log + 1)) at=0
        next=$(printf '%s%08X%08X' "${name%????????????????}" "$log" "$at")
    done
fi

[ ! -e "$target" ] || refuse "$target is there already: a restore never writes into anything"
pg_verifybackup --quiet "$base"
rm -rf "$target.part"
cp -a "$base" "$target.part"
{
    echo "restore_command = 'cp \"$kept/%f\" \"%p\"'"
    [ $# -lt 3 ] || echo "recovery_target_time = '$3'"
    echo "recovery_target_action = 'promote'"
    # An exercise leaves the log of the real server alone. Turn it on again once a new base backup was made.
    echo "archive_mode = off"
} >>"$target.part/postgresql.auto.conf"
touch "$target.part/recovery.signal"
mv "$target.part" "$target"
cat <<END
$target is made. The last of the log in $kept: $last, kept at $(date -u -r "$kept/$last" '+%Y-%m-%d %H:%M:%S+00').
Start it: pg_ctl start -D $target -l $target/log     (an exercise, on another port: -o "-p 5433")
Then ask it: select pg_is_in_recovery()
f: it went well. t: it is not there yet, ask again. No answer: it failed, although pg_ctl said "server started";
$target/log says why.
END
