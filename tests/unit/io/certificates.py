"""Certificates for the servers of tests: ca.pem, other.pem (another CA), web.pem and web.key for web.test, signed by ca."""
import subprocess


def make(directory):
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for ca in ("ca", "other"):
        openssl("req", "-x509", *key, "-keyout", f"{directory}/{ca}.key", "-out", f"{directory}/{ca}.pem",
                "-subj", f"/CN=Test {ca}")
    openssl("req", "-x509", *key, "-keyout", f"{directory}/web.key", "-out", f"{directory}/web.pem", "-subj", "/CN=web",
            "-CA", f"{directory}/ca.pem", "-CAkey", f"{directory}/ca.key", "-addext", "subjectAltName=DNS:web.test",
            "-addext", "basicConstraints=critical,CA:FALSE")
