using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>
/// Templates in content libraries, over REST: an item of the type "VM template" is a machine of the inventory, which is cloned like any other.
/// </summary>
internal sealed class ContentLibrary(VimRest rest)
{
    /// <summary>How an image is written: <c>library:LIBRARY/ITEM</c>.</summary>
    public const string Prefix = "library:";

    /// <summary>The machine behind an item.</summary>
    public async ValueTask<(MoRef? Template, DriverError? Error)> FindAsync(Call call, string image)
    {
        var path = image[Prefix.Length..];
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0 || slash == path.Length - 1)
            return (null, Missing($"'{image}' isn't written library:LIBRARY/ITEM."));
        var (library, item) = (path[..slash], path[(slash + 1)..]);
        var (libraries, error) = await IdsAsync(call, "rest/com/vmware/content/library?~action=find", new FindRequest { Spec = new FindSpec { Name = library } });
        if (error is not null)
            return (null, error);
        if (libraries.Length != 1)
            return (null, Missing($"The platform has {libraries.Length} content libraries named {library}, and one is needed."));
        (var items, error) = await IdsAsync(call, "rest/com/vmware/content/library/item?~action=find", new FindRequest { Spec = new FindSpec { Name = item, LibraryId = libraries[0] } });
        if (error is not null)
            return (null, error);
        if (items.Length != 1)
            return (null, Missing($"The library {library} has {items.Length} items named {item}, and one is needed."));
        var answer = await rest.SendAsync(call, RestRequest.Get($"rest/vcenter/vm-template/library-items/{Uri.EscapeDataString(items[0])}"));
        if (answer.NotFound)
            return (null, Missing($"The library's item {item} is no VM template: import it as one (OVF items can't be cloned)."));
        if (answer.Error is { } refused)
            return (null, refused);
        return JsonText.Find(answer.Body, "value", "vm_template") is { } id && MoRef.IsValue(id) ? (new MoRef("VirtualMachine", id), null)
            : (null, VimErrors.Refused(ErrorCode.Failed, $"The platform's answer about {item} names no template."));
    }

    private static DriverError Missing(string message) => VimErrors.Refused(ErrorCode.Invalid, message) with { Field = "images" };

    private async ValueTask<(ImmutableArray<string> Ids, DriverError? Error)> IdsAsync(Call call, string path, FindRequest request)
    {
        var body = RestRequest.Post(path, request, LibraryJson.Default.FindRequest) with { Mutates = false };
        var read = (await rest.SendAsync(call, body)).Read(LibraryJson.Default.FindResponse);
        return read.Value is { } found ? (found.Value ?? [], null) : ([], read.Error);
    }

}

internal sealed record FindRequest
{
    public FindSpec? Spec { get; init; }
}

internal sealed record FindSpec
{
    public string? Name { get; init; }
    public string? LibraryId { get; init; }
}

internal sealed record FindResponse
{
    public ImmutableArray<string>? Value { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(FindRequest))]
[JsonSerializable(typeof(FindResponse))]
internal sealed partial class LibraryJson : JsonSerializerContext;
