"""A server that does not let the program in, or that the program does not trust."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading

from databases import IS_ROOT
from harness import row, until


def turned_away(b, address, says, **surroundings):
    b.start(db=address, **surroundings)
    b.end((1,), 3)
    b.check(says in b.read("stderr"), f"stderr lacks {says!r}")
    b.check(b.read("stderr").count("\n") == 1, f"stderr: {b.read('stderr')!r}")


@row("a wrong password")
def wrong_password(b):
    """Trying again would lock the account."""
    pg = b.postgres()
    pg.psql("CREATE ROLE locked LOGIN PASSWORD 'another'")
    turned_away(b, pg.address("127.0.0.1", user="locked"),
                "password authentication failed")


@row("a wrong database")
def wrong_database(b):
    """Waiting would not make it."""
    turned_away(b, b.postgres().address(database="nosuch"), '"nosuch" does not exist')


@row("the server asks for a password, and none is given")
def no_password(b):
    """Nobody will type one."""
    pg = b.postgres()
    pg.psql("CREATE ROLE locked LOGIN PASSWORD 'another'")
    turned_away(b, f"host=127.0.0.1 port={pg.port} user=locked dbname=postgres "
                "passfile=/nonexistent", "no password", environment={"PGPASSWORD": ""})


@row("TLS is asked of a server that has none")
def no_tls(b):
    """It would not come by waiting."""
    pg = b.postgres()
    turned_away(b, f"host=127.0.0.1 port={pg.port} user=postgres sslmode=require", "SSL")


@row("a certificate that the address does not accept", variants=("name", "authority", "no file"))
def bad_certificate(b, what):
    """Of another name, by an unknown authority, or with no file of authorities to compare with."""
    pg = b.postgres()
    folder = f"{pg.dir}/data"
    for name in ("server", "other"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=elsewhere.invalid", "-keyout", f"{folder}/{name}.key", "-out",
                        f"{folder}/{name}.crt"], check=True, capture_output=True)
        os.chmod(f"{folder}/{name}.key", 0o600)
        if IS_ROOT:
            shutil.chown(f"{folder}/{name}.key", "postgres")
            shutil.chown(f"{folder}/{name}.crt", "postgres")
    pg.psql("ALTER SYSTEM SET ssl = on")
    pg.psql("SELECT pg_reload_conf()")
    address = f"host=127.0.0.1 port={pg.port} user=postgres sslrootcert={folder}/server.crt "
    until(lambda: b.run_app("--quiet", "--count=1", "--verify=off", "--connect-wait=0",
                            f"--db={address} sslmode=verify-ca").returncode == 0, "TLS")
    file, says = {"name": ("server.crt", "elsewhere.invalid"),
                  "authority": ("other.crt", "certificate verify failed"),
                  "no file": ("nosuch.crt", "nosuch.crt")}[what]
    turned_away(b, f"host=127.0.0.1 port={pg.port} user=postgres sslmode=verify-full "
                f"sslrootcert={folder}/{file}", says)


@row("a server that is lost in the middle of a TLS handshake")
def lost_in_handshake(b):
    """An outage, which may pass: it is waited for, as any other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        attempts = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        client.recv(8)  # the request for TLS
                        client.sendall(b"S")
                        client.recv(64)
                        attempts.append(client)

        threading.Thread(target=serve, daemon=True).start()
        b.start("--connect-wait=2s",
                db=f"host=127.0.0.1 port={server.getsockname()[1]} user=x sslmode=require")
        b.end((1,), 10)
        b.check(len(attempts) > 3, f"{len(attempts)} attempts")
