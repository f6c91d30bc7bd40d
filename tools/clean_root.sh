# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by `run`: the commands of `run` on a machine on which nothing was ever installed: a Debian of the same release as this
# machine's, with git and python3, into which the last commit is cloned. What set-up forgets to install shows there and nowhere else.

readonly clean_root_mark=made-by-run-clean-root

missing_clean_root_packages() {
  type -P debootstrap >/dev/null || echo debootstrap
}

# clean_root [--in DIRECTORY] [COMMAND...]: runs `./run COMMAND` for each, one after the other, until one fails.
clean_root() {
  local root=.deps/clean_root command status=0 start times=()
  if [[ ${1:-} == --in ]]; then
    root=${2:?--in needs a directory}
    shift 2
  fi
  (($#)) || set -- demo test
  ((EUID == 0)) || die "clean-root makes a root directory of its own, for which it must be root"
  [[ -z $(git status --porcelain) ]] || echo "clean root: tests the last commit; what is not committed is left out"
  install_packages "clean-root" missing_clean_root_packages
  make_clean_root "$root" git,python3
  git clone -q --no-hardlinks . "$root/ubp"
  for command; do
    echo "clean root: ./run $command"
    start=$SECONDS
    in_clean_root "$root" "./run $command" || status=$?
    times+=("./run $command: status $status, $((SECONDS - start)) s")
    ((status == 0)) || break
  done
  printf 'clean root: %s\n' "${times[@]}" "it stays in $root until the next start"
  return "$status"
}

# make_clean_root DIRECTORY PACKAGES: makes a root with these packages, in place of an older one.
make_clean_root() {
  local root=$1 suite sources packages=$2
  [[ ! -e $root || -e $root/$clean_root_mark ]] || die "$root is there already and no clean root; name another directory"
  suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  sources=$(apt_sources "$suite" "$suite-updates" "$suite-security")
  [[ $sources == "deb "*" $suite main"* ]] ||
    die "clean-root needs a Debian, and this machine's apt has no source of '$suite main'; it has: ${sources:-none of the kind}"
  # A machine with certificates of its own is one on which nothing can be downloaded without them.
  ! compgen -G '/usr/local/share/ca-certificates/*' >/dev/null || packages+=,ca-certificates
  # No mount of in_clean_root outlives it, so that there is nothing but the root's own files below.
  rm -rf --one-file-system "$root"
  mkdir -p "$root"
  : >"$root/$clean_root_mark"
  logged debootstrap "making a Debian $suite in $root" \
    debootstrap --variant=minbase "--include=$packages" "$suite" "$root" "$(cut -d ' ' -f 2 <<<"${sources%%$'\n'*}")"
  echo "$sources" >"$root/etc/apt/sources.list"
  copy_settings "$root"
}

# apt_sources SUITE...: prints where this machine's apt gets their packages, suite after suite, as lines of a sources.list.
apt_sources() {
  local suite
  for suite; do
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
      grep -E "^deb [^ ]+ $suite main$" | sort -u || true
  done
}

# Copies how this machine reaches the registries of packages; nothing else of it.
copy_settings() {
  local root=$1 file
  apt-config dump | grep -E '^Acquire::(https?|Retries)\b' >"$root/etc/apt/apt.conf.d/90this-machine" || true
  for file in /etc/resolv.conf /etc/hosts /etc/pip.conf; do
    [[ ! -e $file ]] || cp -L "$file" "$root$file"
  done
  for file in .config/pip .pip .npmrc .m2/settings.xml; do
    [[ -e $HOME/$file ]] || continue
    mkdir -p "$(dirname "$root/root/$file")"
    cp -rL "$HOME/$file" "$root/root/$file"
  done
  if [[ -e $root/usr/sbin/update-ca-certificates ]]; then
    cp -rL /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates"
    logged certificates "adding this machine's certificates" chroot "$root" update-ca-certificates
  fi
}

# in_clean_root ROOT COMMAND: runs a line of shell in the root's folder /ubp. The mounts and processes are of namespaces that end with it,
# however it ends: none is left over, and what deletes the root never sees them.
in_clean_root() {
  local name settings=()
  for name in $(compgen -e); do
    case ${name,,} in
      *_proxy | pip_* | npm_config_* | maven_* | java_tool_options | ssl_cert_* | *_ca_bundle | *_ca_certs)
        settings+=("$name=${!name}")
        ;;
    esac
  done
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child bash -ec '
    for folder in dev sys; do
      mount --rbind "/$folder" "$1/$folder"
    done
    mount -t proc proc "$1/proc"
    exec chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:3}" \
      bash -c "cd /ubp && $2"
  ' clean-root "$1" "$2" "${settings[@]}"
}
