using System.Collections.Frozen;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;
using YamlDotNet.Core;

namespace Datum.Providers.DevPlane;

/// <summary>Everything that a token file says. Tokens stand as their SHA-256 (hex), entries by the hash of their text.</summary>
internal sealed record TokenEntries(
    IReadOnlyDictionary<string, Grant> Bearers, IReadOnlyDictionary<string, Grant> Personal, IReadOnlyDictionary<string, ServiceAccount> Accounts, IReadOnlyDictionary<string, Grant> ByText);

/// <summary>
/// Reads a token file. Every error names the field, never a value: values are secrets. An entry that stands unchanged in the previous
/// reading keeps its grant.
/// </summary>
internal static class TokenFile
{
    private const int MinLength = 16;
    private const int MaxSize = 4 << 20;
    private const int MinKeyBits = 2048;

    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    /// <exception cref="IOException">It can't be read, or others may read it.</exception>
    public static byte[] Load(string path)
    {
        using var handle = Open(path);
        if (!OperatingSystem.IsWindows())
        {
            var mode = File.GetUnixFileMode(handle);
            const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            if ((mode & ~own) != 0) throw new IOException($"The token file '{path}' has mode {Convert.ToString((int)mode, 8)}: others may reach it. chmod 600 it.");
        }

        var length = RandomAccess.GetLength(handle);
        if (length > MaxSize) throw new IOException($"The token file '{path}' is larger than {MaxSize} bytes.");
        var bytes = new byte[length];
        var read = 0;
        while (read < bytes.Length)
        {
            var count = RandomAccess.Read(handle, bytes.AsSpan(read), read);
            if (count == 0) break;
            read += count;
        }

        return bytes[..read];
    }

    /// <exception cref="FormatException">It isn't a token file.</exception>
    public static TokenEntries Parse(byte[] bytes, IReadOnlyList<PlaneKind> kinds, TokenEntries? previous)
    {
        var root = Read(bytes);
        Only(root, "", ["tokens", "personalAccessTokens", "serviceAccounts"]);
        var byText = new Dictionary<string, Grant>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var bearers = Tokens(root, "tokens");
        var personal = Tokens(root, "personalAccessTokens");
        var accounts = new Dictionary<string, ServiceAccount>(StringComparer.Ordinal);
        foreach (var (entry, at) in Entries(root, "serviceAccounts"))
        {
            Only(entry, at, ["clientId", "keys", .. RightFields(kinds)]);
            var id = Text(entry, "clientId", at) ?? throw Wrong(at + ".clientId", "is required");
            if (!accounts.TryAdd(id, new ServiceAccount(id, GrantOf(entry, at, id), Keys(entry, at)))) throw Wrong(at + ".clientId", "stands twice");
        }

        return new TokenEntries(bearers, personal, accounts, byText);

        Dictionary<string, Grant> Tokens(JsonObject from, string list)
        {
            var found = new Dictionary<string, Grant>(StringComparer.Ordinal);
            foreach (var (entry, at) in Entries(from, list))
            {
                Only(entry, at, ["token", "sha256", .. RightFields(kinds)]);
                var hash = TokenHash(entry, at);
                if (!seen.Add(hash)) throw Wrong(at, "has a token that stands before already");
                found[hash] = GrantOf(entry, at, null);
            }

            return found;
        }

        Grant GrantOf(JsonObject entry, string at, string? subject)
        {
            // The list is part of it: a bearer token that becomes a personal one is another entry.
            var text = Hash(at.Split('[')[0] + JsonText.Show(entry));
            var fresh = ReadGrant(entry, at, subject, kinds);
            var grant = previous?.ByText.GetValueOrDefault(text) ?? fresh;
            return byText[text] = grant;
        }
    }

    private static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"The token file '{path}' can't be read: this user has no right to.", e);
        }
    }

    private static JsonObject Read(byte[] bytes)
    {
        try
        {
            return Bodies.Parse("application/yaml", bytes, null) switch
            {
                JsonObject map => map,
                _ => throw new FormatException("The token file must be a mapping with tokens, personalAccessTokens or serviceAccounts."),
            };
        }
        catch (JsonException e)
        {
            // The parser's own text may quote the file.
            var where = e.InnerException is YamlException yaml ? $" near line {yaml.Start.Line.ToString(CultureInfo.InvariantCulture)}" : "";
            throw new FormatException($"The token file isn't readable YAML{where}.");
        }
    }

    private static IEnumerable<(JsonObject Entry, string At)> Entries(JsonObject root, string list)
    {
        if (root[list] is null) yield break;
        if (root[list] is not JsonArray many) throw Wrong(list, "must be a list");
        for (var i = 0; i < many.Count; i++)
        {
            var at = $"{list}[{i.ToString(CultureInfo.InvariantCulture)}]";
            yield return (many[i] as JsonObject ?? throw Wrong(at, "must be a mapping"), at);
        }
    }

    private static IEnumerable<string> RightFields(IReadOnlyList<PlaneKind> kinds) => ["subject", "access", "core", "expires", .. kinds.Select(k => k.TokenField)];

    private static Grant ReadGrant(JsonObject entry, string at, string? subject, IReadOnlyList<PlaneKind> kinds)
    {
        var user = Text(entry, "subject", at) ?? subject ?? throw Wrong(at + ".subject", "is required");
        if (user.Length > 256 || user.Any(char.IsControl) || user == Caller.AnonymousUser) throw Wrong(at + ".subject", "isn't a usable name");
        var access = Text(entry, "access", at) switch
        {
            "read" => PlaneAccess.Read,
            "write" => PlaneAccess.Write,
            _ => throw Wrong(at + ".access", "must be read or write"),
        };
        var core = entry["core"] is { } flag ? JsonText.Bool(flag) ?? throw Wrong(at + ".core", "must be true or false") : false;
        var scopes = kinds.Where(k => entry.ContainsKey(k.TokenField)).ToDictionary(k => k.TokenField, k => Scope(entry[k.TokenField], $"{at}.{k.TokenField}"), StringComparer.Ordinal);
        return new Grant { Subject = user, Access = access, Core = core, Scopes = scopes, Expires = Expiry(entry, at) };
    }

    private static DateTimeOffset? Expiry(JsonObject entry, string at)
    {
        if (!entry.ContainsKey("expires")) return null;
        var text = Text(entry, "expires", at) ?? "";
        string[] forms = ["yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mm:sszzz"];
        return DateTimeOffset.TryParseExact(text, forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw Wrong(at + ".expires", "must be a time such as 2030-01-31T12:00:00Z");
    }

    private static PlaneScope Scope(JsonNode? value, string at)
    {
        if (value is JsonArray many)
        {
            var names = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 0; i < many.Count; i++) names.Add(JsonText.String(many[i]) is { Length: > 0 } name ? name : throw Wrong($"{at}[{i.ToString(CultureInfo.InvariantCulture)}]", "must be a name or '*', in quotes where it looks like a number"));
            return new PlaneScope(names.Remove("*"), names.ToFrozenSet(StringComparer.Ordinal), null);
        }

        if (value is not JsonObject map) throw Wrong(at, "must be a list of names, or a mapping with a selector");
        Only(map, at, ["selector"]);
        var tests = new List<Func<StoredObject, bool>>();
        try
        {
            LabelSelector.Parse(Text(map, "selector", at) ?? "", tests);
        }
        catch (ApiError e)
        {
            throw Wrong(at + ".selector", e.Message);
        }

        // An empty selector would mean everything: that is what '*' says.
        return tests.Count > 0 ? new PlaneScope(false, [], tests) : throw Wrong(at + ".selector", "is empty");
    }

    private static string TokenHash(JsonObject entry, string at)
    {
        if (entry.ContainsKey("token") == entry.ContainsKey("sha256")) throw Wrong(at, "must have either token or sha256");
        if (entry.ContainsKey("sha256"))
        {
            var hash = (Text(entry, "sha256", at) ?? "").ToLowerInvariant();
            return hash.Length == 64 && hash.All(char.IsAsciiHexDigit) ? hash : throw Wrong(at + ".sha256", "must be 64 hexadecimal digits");
        }

        var token = Text(entry, "token", at) ?? "";
        if (token.Length < MinLength || token.Any(c => c is <= ' ' or > '~')) throw Wrong(at + ".token", $"must be at least {MinLength} printable characters without blanks");
        return Hash(token);
    }

    private static Dictionary<string, byte[]> Keys(JsonObject account, string at)
    {
        var keys = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var (entry, where) in Entries(account, "keys").Select(e => (e.Entry, $"{at}.{e.At}")))
        {
            Only(entry, where, ["id", "publicKey"]);
            var id = Text(entry, "id", where) ?? throw Wrong(where + ".id", "is required");
            if (!keys.TryAdd(id, PublicKey(Text(entry, "publicKey", where) ?? "", where + ".publicKey"))) throw Wrong(where + ".id", "stands twice");
        }

        return keys.Count > 0 ? keys : throw Wrong(at + ".keys", "is required");
    }

    private static byte[] PublicKey(string pem, string at)
    {
        if (pem.Contains("PRIVATE KEY", StringComparison.Ordinal)) throw Wrong(at, "holds a private key; only the public half belongs here");
        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return rsa.KeySize >= MinKeyBits ? rsa.ExportSubjectPublicKeyInfo() : throw Wrong(at, $"must have at least {MinKeyBits} bits");
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            throw Wrong(at, "must be an RSA public key in PEM");
        }
    }

    private static string? Text(JsonObject entry, string field, string at)
    {
        if (!entry.ContainsKey(field)) return null;
        return JsonText.String(entry[field]) is { Length: > 0 } text ? text : throw Wrong($"{at}.{field}", "must be a text, in quotes where it looks like a number");
    }

    private static void Only(JsonObject map, string at, IReadOnlyList<string> fields)
    {
        if (map.FirstOrDefault(p => !fields.Contains(p.Key)) is { Key: { } unknown }) throw Wrong(at.Length == 0 ? unknown : $"{at}.{unknown}", "is unknown; known are " + string.Join(", ", fields));
    }

    private static FormatException Wrong(string field, string why) => new($"The token file's {field} {why}.");
}
