using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>Paging: a token names the version of its list and the last key. The states of recent lists are kept; snapshots share memory.</summary>
internal sealed class ContinueTokens(TimeProvider time)
{
    private const int Kept = 64;
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    private readonly Lock gate = new();
    private readonly Dictionary<(string Resource, ulong Version), (ImmutableSortedDictionary<string, StoredObject> Items, DateTimeOffset At)> states = [];

    public string Issue(string resource, ulong version, ImmutableSortedDictionary<string, StoredObject> items, string lastKey)
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            foreach (var old in states.Where(s => now - s.Value.At > Lifetime).Select(s => s.Key).ToArray()) states.Remove(old);
            if (states.Count >= Kept) states.Remove(states.MinBy(s => s.Value.At).Key);
            states[(resource, version)] = (items, now);
        }

        return Encode(version.ToString(System.Globalization.CultureInfo.InvariantCulture), lastKey);
    }

    /// <summary>Resolves a token to its state and the key to start after; a version of -1 asks for the present state.</summary>
    public (ImmutableSortedDictionary<string, StoredObject> Items, ulong Version, string After) Resolve(string token, string resource, ObjectStore store)
    {
        var (version, after) = Decode(token);
        if (version == "-1")
        {
            var (items, current) = store.Snapshot(resource);
            return (items, current, after);
        }

        lock (gate)
        {
            if (ulong.TryParse(version, out var at) && states.TryGetValue((resource, at), out var state) && time.GetUtcNow() - state.At <= Lifetime)
            {
                return (state.Items, at, after);
            }
        }

        throw ApiError.GoneWithContinue(Encode("-1", after));
    }

    private static string Encode(string version, string after)
    {
        var text = new JsonObject { ["v"] = "meta.k8s.io/v1", ["rv"] = long.Parse(version, System.Globalization.CultureInfo.InvariantCulture), ["start"] = after };
        return Base64Url.EncodeToString(JsonText.Write(text));
    }

    private static (string Version, string After) Decode(string token)
    {
        try
        {
            var text = JsonText.ParseObject(Base64Url.DecodeFromChars(token));
            if (JsonText.Int(text["rv"]) is { } version && JsonText.String(text["start"]) is { } start && JsonText.String(text["v"]) == "meta.k8s.io/v1")
            {
                return (version.ToString(System.Globalization.CultureInfo.InvariantCulture), start);
            }
        }
        catch (Exception e) when (e is FormatException or JsonException or DecoderFallbackException)
        {
            throw ApiError.BadRequest("invalid continue token: continue key is not valid: " + e.Message);
        }

        throw ApiError.BadRequest("invalid continue token: continue key is not valid: incorrect encoded version");
    }
}
