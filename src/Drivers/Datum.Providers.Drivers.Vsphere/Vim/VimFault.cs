using System.Xml;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>What went wrong, in the platform's words: a refusal's detail, or the error of a task.</summary>
internal sealed record VimFault
{
    /// <summary>The fault's type, then those that it was caused by.</summary>
    public required ImmutableArray<string> Types { get; init; }

    public string? Message { get; init; }

    /// <summary>The fault's own members: what the name was taken by, which right is missing.</summary>
    public VimNode? Detail { get; init; }

    public string Type => Types.Length > 0 ? Types[0] : "";

    /// <summary>The fault of a SOAP answer; null when there is none.</summary>
    public static VimFault? OfBody(VimNode envelope)
    {
        if (envelope.Find("Body", "Fault") is not { } fault)
            return null;
        var detail = fault.Find("detail") is { Children: [var first, ..] } ? first : null;
        // faultcode says only whose fault it is.
        return Of(detail, fault.String("faultstring"), detail is null ? "" : Named(detail));
    }

    /// <summary>A <c>LocalizedMethodFault</c>.</summary>
    public static VimFault Of(VimNode localized) => Of(localized.Find("fault"), localized.String("localizedMessage"), localized.String("fault") is null ? "" : null);

    /// <summary>As <see cref="ErrorDetail"/>, with what blocks the request where the fault names it.</summary>
    public ErrorDetail ToDetail() => new()
    {
        Code = Type.Length > 0 ? Type : null,
        Codes = Types,
        Message = Describe(),
        BlockedBy = Blockers(),
    };

    /// <summary>Reads a refusal's body. Anything that isn't SOAP (a proxy's page) gives its first line.</summary>
    public static ErrorDetail ReadDetail(RestResult result)
    {
        try
        {
            return OfBody(VimNode.Parse(result.Body))?.ToDetail() ?? new ErrorDetail { Message = result.ReasonPhrase };
        }
        catch (XmlException)
        {
            return new ErrorDetail { Message = result.ReasonPhrase is { Length: > 0 } phrase ? phrase : "the answer isn't SOAP" };
        }
    }

    private static VimFault Of(VimNode? fault, string? message, string? fallback)
    {
        var types = ImmutableArray.CreateBuilder<string>();
        var words = message;
        var node = fault;
        // The bound is against a fault that names itself.
        for (var depth = 0; depth < 16 && node is not null; depth++)
        {
            if ((node.Type ?? (depth == 0 ? fallback : null)) is { Length: > 0 } type)
                types.Add(type);
            if (node.Find("faultCause") is not { } cause)
                break;
            words = string.IsNullOrWhiteSpace(words) ? cause.String("localizedMessage") : words;
            node = cause.Find("fault");
        }

        return new VimFault { Types = types.ToImmutable(), Message = words, Detail = fault };
    }

    // <NotAuthenticatedFault xsi:type="NotAuthenticated">: the element's name is the type's with a suffix.
    private static string Named(VimNode detail) => detail.Name.EndsWith("Fault", StringComparison.Ordinal) ? detail.Name[..^5] : detail.Name;

    private string Describe()
    {
        var words = string.IsNullOrWhiteSpace(Message) ? Type : Message.Trim().TrimEnd('.');
        return Detail is null ? words : Type switch
        {
            "NoPermission" when Detail.String("privilegeId") is { } right => $"{words}: the privilege {right} is missing on {Detail.String("object") ?? "an object"}",
            "NoPermission" when Detail.Find("missingPrivileges") is { } missing => $"{words}: {string.Join(", ", missing.All("privilegeIds").Select(p => p.Text))} is missing on {missing.String("entity") ?? "an object"}",
            "InvalidArgument" or "InvalidDeviceSpec" or "InvalidVmConfig" when (Detail.String("invalidProperty") ?? Detail.String("property")) is { } property => $"{words}: {property}",
            "DuplicateName" when Detail.String("name") is { } name => $"{words}: '{name}' is taken",
            _ when Type.Length > 0 && !words.Contains(Type, StringComparison.Ordinal) => $"{words} ({Type})",
            _ => words,
        };
    }

    private ImmutableArray<string> Blockers() => Type switch
    {
        "DuplicateName" when Detail?.Ref("object") is { } other => [other.Value],
        "AlreadyExists" or "ResourceInUse" when Detail?.String("name") is { Length: > 0 } name => [name],
        "FileAlreadyExists" or "FileLocked" when Detail?.String("file") is { Length: > 0 } file => [file],
        _ => [],
    };
}
