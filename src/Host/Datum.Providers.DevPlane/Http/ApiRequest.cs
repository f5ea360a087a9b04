using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Datum.Providers.DevPlane;

/// <summary>A request to a resource: the parsed path.</summary>
internal sealed record ApiRequest(ResourceKind Kind, KindVersion Version, string Namespace, string Name, string Subresource)
{
    /// <summary>Whether the path names a namespace (or the kind is cluster-scoped): only then may a collection be written to.</summary>
    public bool Scoped { get; init; } = true;

    /// <summary>Null where no served resource has this path.</summary>
    public static ApiRequest? Parse(string path, KindRegistry registry)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        int at;
        string group;
        if (parts.Length >= 3 && parts[0] == "api")
        {
            (group, at) = ("", 1);
        }
        else if (parts.Length >= 4 && parts[0] == "apis")
        {
            (group, at) = (parts[1], 2);
        }
        else
        {
            return null;
        }

        var version = parts[at++];
        var rest = parts.AsSpan(at);
        if (rest.Length >= 3 && rest[0] == "namespaces" && (group.Length > 0 || rest[2] is not ("status" or "finalize")))
        {
            return Find(registry, group, version, rest[2], rest[1], rest.Length > 3 ? rest[3] : "", rest.Length > 4 ? rest[4] : "", rest.Length > 5, inNamespace: true);
        }

        return Find(registry, group, version, rest[0], "", rest.Length > 1 ? rest[1] : "", rest.Length > 2 ? rest[2] : "", rest.Length > 3, inNamespace: false);
    }

    private static ApiRequest? Find(
        KindRegistry registry, string group, string version, string plural, string @namespace, string name, string subresource, bool tooLong, bool inNamespace)
    {
        if (tooLong || registry.Find(group, plural) is not { } kind || kind.Served(version) is not { } served) return null;
        if (inNamespace != kind.Namespaced && (inNamespace || name.Length > 0)) return null;
        return new ApiRequest(kind, served, @namespace, name, subresource) { Scoped = inNamespace || !kind.Namespaced };
    }
}

/// <summary>Query parameters with the real server's refusals.</summary>
internal static class ApiQuery
{
    public static string Text(this HttpContext context, string name) => context.Request.Query[name].FirstOrDefault() ?? "";

    public static bool Flag(this HttpContext context, string name)
    {
        // Anything but a clear no means yes.
        return context.Request.Query.TryGetValue(name, out var values)
            && !(values.FirstOrDefault() is { } text && (text == "0" || string.Equals(text, "false", StringComparison.OrdinalIgnoreCase)));
    }

    public static long? Number(this HttpContext context, string name)
    {
        var text = context.Text(name);
        if (text.Length == 0) return null;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiError.BadRequest($"strconv.ParseInt: parsing {JsonText.Quote(text)}: invalid syntax");
    }

    public static ulong? Version(this HttpContext context, bool watch)
    {
        var text = context.Text("resourceVersion");
        if (text.Length == 0) return null;
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)) return version;
        var why = $"resourceVersion: Invalid value: {JsonText.Quote(text)}: strconv.ParseUint: parsing {JsonText.Quote(text)}: invalid syntax";
        throw watch ? ApiError.Plain(why) : ApiError.BadRequest("invalid resource version: " + why);
    }

    /// <param name="options">The name of the options kind in errors: CreateOptions, UpdateOptions, PatchOptions.</param>
    public static WriteContext Write(this HttpContext context, string options)
    {
        var validation = context.Text("fieldValidation");
        if (validation is not ("" or "Ignore" or "Strict" or "Warn"))
        {
            throw ApiError.Invalid("meta.k8s.io", options, "", [FieldError.NotSupported("fieldValidation", JsonText.Quote(validation), ["\"\"", "\"Ignore\"", "\"Strict\"", "\"Warn\""])]);
        }

        return new WriteContext(validation.Length == 0 ? "Warn" : validation, context.DryRun(options));
    }

    public static bool DryRun(this HttpContext context, string options)
    {
        var values = context.Request.Query["dryRun"].Where(v => !string.IsNullOrEmpty(v)).ToArray();
        if (values.Length == 0) return false;
        if (values.All(v => v == "All")) return true;
        var shown = "[" + string.Join(",", values.Select(v => JsonText.Quote(v!))) + "]";
        throw ApiError.Invalid("meta.k8s.io", options, "", [FieldError.NotSupported("dryRun", shown, ["\"All\""])]);
    }
}
