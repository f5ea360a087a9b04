using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Datum.Providers.DevPlane;

/// <summary>
/// Paging: a token names the version of its list and the key to go on from, below the list's own namespace. It holds no state here: the
/// store's history answers for it, also after a restart.
/// </summary>
internal static class ContinueTokens
{
    private const string Form = "meta.k8s.io/v1";
    private const string Broken = "invalid continue token: continue key is not valid: ";

    /// <summary>The version that means the present state: what a token is given for whose own state is gone.</summary>
    public const long Inconsistent = -1;

    public static string After(ulong version, string key) => Encode((long)version, key + "\0");

    public static string Encode(long version, string start) =>
        Base64Url.EncodeToString(JsonText.Write(new JsonObject { ["v"] = Form, ["rv"] = version, ["start"] = start }));

    /// <summary>The version of the list (or <see cref="Inconsistent"/>) and the key that the next page starts at.</summary>
    public static (long Version, string Start) Decode(string token)
    {
        JsonObject text;
        try
        {
            text = JsonText.ParseObject(Base64Url.DecodeFromChars(token));
        }
        catch (Exception e) when (e is FormatException or JsonException or DecoderFallbackException)
        {
            throw ApiError.BadRequest(Broken + (e is FormatException ? "illegal base64 data at input byte 0" : "it isn't JSON"));
        }

        var form = JsonText.String(text["v"]) ?? "";
        if (form != Form) throw ApiError.BadRequest($"{Broken}server does not recognize this encoded version {form}");
        if (JsonText.Int(text["rv"]) is not { } version || version == 0) throw ApiError.BadRequest($"{Broken}incorrect encoded start resourceVersion (version {Form})");
        var start = JsonText.String(text["start"]) ?? "";
        if (start.Length == 0) throw ApiError.BadRequest($"{Broken}encoded start key empty (version {Form})");
        // No key may lead out of the list's own place.
        if (start.Split('/').Any(part => part is "." or "..") || start.Contains("//", StringComparison.Ordinal)) throw ApiError.BadRequest(Broken + start);
        return (version, start.TrimStart('/'));
    }
}
