namespace Datum.Providers.DevPlane;

internal enum AnswerForm
{
    Object,
    Table,
    Partial,
}

/// <summary>Chooses the form of an answer from the Accept header. Only JSON is spoken.</summary>
internal static class Negotiation
{
    public const string Json = "application/json";
    public const string MergePatchType = "application/merge-patch+json";
    public const string JsonPatchType = "application/json-patch+json";
    public const string StrategicType = "application/strategic-merge-patch+json";

    public static AnswerForm Choose(string? accept)
    {
        if (string.IsNullOrWhiteSpace(accept)) return AnswerForm.Object;
        foreach (var range in accept.Split(','))
        {
            var parts = range.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not (Json or "application/*" or "*/*")) continue;
            var parameters = parts.Skip(1).Select(p => p.Split('=', 2)).Where(p => p.Length == 2).ToLookup(p => p[0], p => p[1]);
            var form = parameters["as"].FirstOrDefault();
            if (form is null) return AnswerForm.Object;
            if (parameters["g"].FirstOrDefault() != "meta.k8s.io" || parameters["v"].FirstOrDefault() != "v1") continue;
            if (form == "Table") return AnswerForm.Table;
            if (form is "PartialObjectMetadata" or "PartialObjectMetadataList") return AnswerForm.Partial;
        }

        throw ApiError.NotAcceptable("only the following media types are accepted: application/json");
    }

    public static string MediaType(string? contentType)
    {
        var type = contentType ?? "";
        var semicolon = type.IndexOf(';', StringComparison.Ordinal);
        return (semicolon < 0 ? type : type[..semicolon]).Trim().ToLowerInvariant();
    }
}
