using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Datum.Providers.DevPlane;

internal sealed partial class ApiHandler
{
    private async Task ListAsync(HttpContext context, ApiRequest request, AnswerForm form)
    {
        var selection = Selection.Parse(request.Kind, request.Version, request.Namespace, context.Text("labelSelector"), context.Text("fieldSelector"));
        if (request.Name.Length > 0) throw NoMethod();
        var limit = context.Number("limit") ?? 0;
        var token = context.Text("continue");
        var asked = context.Version(watch: false);
        var match = context.Text("resourceVersionMatch");
        CheckMatch(match, asked, token);
        if (context.Text("sendInitialEvents").Length > 0) throw ListForbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        _ = context.Number("timeoutSeconds");
        var (items, version, start) = Resolve(request, token, asked, exact: match == "Exact" || (match.Length == 0 && limit > 0 && asked > 0));
        // As the real server's cache does, version 0 gives all at once.
        if (asked == 0) limit = 0;

        var page = new List<StoredObject>();
        var more = false;
        long remaining = 0;
        foreach (var (key, value) in items)
        {
            if (start.Length > 0 && string.CompareOrdinal(key, start) < 0) continue;
            if (!selection.Matches(value)) continue;
            if (limit > 0 && page.Count == limit)
            {
                more = true;
                remaining++;
                if (selection.HasSelectors) break;
                continue;
            }

            page.Add(value);
        }

        var next = more ? ContinueTokens.After(version, page[^1].Key[Prefix(request).Length..]) : "";
        var text = version.ToString(CultureInfo.InvariantCulture);
        long? left = more && !selection.HasSelectors ? remaining : null;
        switch (form)
        {
            case AnswerForm.Table:
                var table = Tables.Render(request.Version, page.Select(p => Parse(request, p)), IncludeObject(context), options.TimeProvider.GetUtcNow(), text, next, left);
                await ApiServer.WriteAsync(context, 200, JsonText.Write(table));
                break;
            default:
                await ApiServer.WriteAsync(context, 200, ListBody(request, page, text, next, left, form == AnswerForm.Partial));
                break;
        }
    }

    private static string Prefix(ApiRequest request) => request.Namespace.Length == 0 ? "" : request.Namespace + "/";

    /// <summary>The state that a list shows, and the key that it starts at.</summary>
    private (ImmutableSortedDictionary<string, StoredObject> Items, ulong Version, string Start) Resolve(ApiRequest request, string token, ulong? asked, bool exact)
    {
        var (items, current) = store.Snapshot(request.Kind.Resource);
        var start = "";
        if (token.Length > 0)
        {
            var (version, key) = ContinueTokens.Decode(token);
            if (asked is > 0) throw ApiError.BadRequest("specifying resource version is not allowed when using continue");
            start = Prefix(request) + key;
            if (version < 0) return (items, current, start);
            (asked, exact) = ((ulong)version, true);
            if (asked <= current && store.SnapshotAt(request.Kind.Resource, asked.Value) is null)
            {
                throw ApiError.GoneWithContinue(ContinueTokens.Encode(ContinueTokens.Inconsistent, key));
            }
        }

        if (asked > current) throw ApiError.TooLargeVersion(asked.Value, current);
        if (!exact || asked is null) return (items, current, start);
        var then = store.SnapshotAt(request.Kind.Resource, asked.Value) ?? throw ApiError.Gone("The resourceVersion for the provided list is too old.");
        return (then, asked.Value, start);
    }

    private static byte[] ListBody(ApiRequest request, List<StoredObject> page, string version, string next, long? left, bool partial)
    {
        var buffer = new ArrayBufferWriter<byte>(1024 + page.Sum(p => p.Json.Length + 1));
        using var writer = new Utf8JsonWriter(buffer, JsonText.WriterOptions);
        writer.WriteStartObject();
        writer.WriteString("kind", partial ? "PartialObjectMetadataList" : request.Kind.ListKind);
        writer.WriteString("apiVersion", partial ? "meta.k8s.io/v1" : request.Kind.ApiVersion(request.Version.Name));
        writer.WriteStartObject("metadata");
        writer.WriteString("resourceVersion", version);
        if (next.Length > 0) writer.WriteString("continue", next);
        if (left is { } count) writer.WriteNumber("remainingItemCount", count);
        writer.WriteEndObject();
        writer.WriteStartArray("items");
        foreach (var value in page)
        {
            if (partial) JsonText.WriteTo(writer, Tables.Partial(value.Parse()));
            else if (request.Version.Storage) writer.WriteRawValue(value.Json, skipInputValidation: true);
            else JsonText.WriteTo(writer, Parse(request, value));
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void CheckMatch(string match, ulong? asked, string token)
    {
        if (match.Length == 0) return;
        if (token.Length > 0) throw ListForbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
        if (asked is null) throw ListForbidden("resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided");
        if (match is not ("Exact" or "NotOlderThan"))
        {
            throw ApiError.Invalid("meta.k8s.io", "ListOptions", "", [FieldError.NotSupported("resourceVersionMatch", JsonText.Quote(match), ["\"Exact\"", "\"NotOlderThan\"", "\"\""])]);
        }

        if (match == "Exact" && asked == 0) throw ListForbidden("resourceVersionMatch", "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }

    internal static ApiError ListForbidden(string field, string why) =>
        ApiError.Invalid("meta.k8s.io", "ListOptions", "", [FieldError.Forbidden(field, why)]);
}
