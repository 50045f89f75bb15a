#!/usr/bin/env bash
# An issuer that adds a post-quantum key to its key set is unreadable, old keys and all, to four of ten verifiers.
#
# Seen with jose 6.2.18, jwks-rsa 4.1.0 (npm), PyJWT 2.15.1, joserfc 1.8.0, Authlib 1.9.10, jwcrypto 1.6.1 (PyPI), and
# go-jose 4.1.9, go-oidc 3.21.0, lestrrat-go/jwx 3.4.0, MicahParks/keyfunc 3.9.2 (Go). The set has an RSA key, by which the
# token is signed, and an ML-DSA key (kty AKP), which none of them needs. Authlib's jose (deprecated, and in use), jwx and
# keyfunc fail on the whole set, and so does go-jose for whoever heeds the error of its unmarshalling; go-oidc, which is
# built on go-jose, takes the RSA key.
# We had guessed that an unknown kind of key is passed over everywhere, as RFC 7517 asks in its section 5. Tokens that have
# not changed are refused then: before an issuer in front of a gateway gets such a key, its readers have to be tried.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts jose@6.2.18 jwks-rsa@4.1.0
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check PyJWT==2.15.1 joserfc==1.8.0 Authlib==1.9.10 jwcrypto==1.6.1

cat >verify.mjs <<'JS'
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import jwksRsa from "jwks-rsa";

const { publicKey, privateKey } = await generateKeyPair("RS256");
const old = { ...(await exportJWK(publicKey)), kid: "old", alg: "RS256", use: "sig" };
const added = { kty: "AKP", kid: "added", alg: "ML-DSA-44", use: "sig", pub: Buffer.alloc(1312, 7).toString("base64url") };
const set = { keys: [old, added] };
const token = await new SignJWT({ sub: "somebody" })
  .setProtectedHeader({ alg: "RS256", kid: "old" })
  .setIssuer("issuer")
  .setAudience("gateway")
  .setExpirationTime("1h")
  .sign(privateKey);
writeFileSync("set.json", JSON.stringify(set));
writeFileSync("token", token);

const { payload } = await jwtVerify(token, createLocalJWKSet(set));
console.log(`jose: ${payload.sub}`);
const server = createServer((_, response) => response.end(JSON.stringify(set)));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const key = await jwksRsa({ jwksUri: `http://127.0.0.1:${server.address().port}` }).getSigningKey("old");
console.log(`jwks-rsa: ${key.kid}`);
process.exit();
JS
cat >verify.py <<'PY'
import json
import jwt
from authlib.jose import JsonWebKey, jwt as authlib_jwt
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT

key_set, token = json.load(open("set.json")), open("token").read()

verifiers = {
    "PyJWT": lambda: jwt.decode(token, jwt.PyJWKSet.from_dict(key_set)["old"].key, ["RS256"], audience="gateway")["sub"],
    "joserfc": lambda: joserfc_jwt.decode(token, KeySet.import_key_set(key_set)).claims["sub"],
    "jwcrypto": lambda: json.loads(JWT(jwt=token, key=JWKSet.from_json(json.dumps(key_set))).claims)["sub"],
    "Authlib": lambda: authlib_jwt.decode(token, JsonWebKey.import_key_set(key_set))["sub"],
}
for name, verify in verifiers.items():
    try:
        print(f"{name}: {verify()}")
    except Exception as error:
        print(f"{name}: fails, {error!r}")
PY
mkdir verifier
cat >verifier/main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

func main() {
	set, _ := os.ReadFile("../set.json")
	token, _ := os.ReadFile("../token")
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(set) }))
	keys := oidc.NewRemoteKeySet(context.Background(), issuer.URL)
	verified, err := oidc.NewVerifier("issuer", keys, &oidc.Config{ClientID: "gateway"}).Verify(context.Background(), string(token))
	fmt.Println("go-oidc:", err == nil && verified.Subject == "somebody")
	err = json.Unmarshal(set, &jose.JSONWebKeySet{})
	fmt.Println("go-jose:", err)
	_, err = jwk.Parse(set)
	fmt.Println("jwx:", err)
	_, err = keyfunc.NewJWKSetJSON(set)
	fmt.Println("keyfunc fails:", err != nil)
}
GO
cat >verifier/go.mod <<'MOD'
module verifier

go 1.25.0

require (
	github.com/MicahParks/keyfunc/v3 v3.9.2
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/go-jose/go-jose/v4 v4.1.9
	github.com/lestrrat-go/jwx/v3 v3.4.0
)
MOD
{
  node verify.mjs
  python/bin/python verify.py
  cd verifier
  GOFLAGS=-mod=mod go run .
  cd ..
} | tee seen

diff - seen <<'EXPECTED'
jose: somebody
jwks-rsa: old
PyJWT: somebody
joserfc: somebody
jwcrypto: somebody
Authlib: fails, KeyError('AKP')
go-oidc: true
go-jose: go-jose/go-jose: unsupported key type, format, curve, or RSA modulus size
jwx: jwk.Parse: failed to unmarshal JWK set: failed to decode key #1 in "keys": jwk.ParseKey: invalid key type from JSON (AKP)
keyfunc fails: true
EXPECTED
echo "as seen before"
