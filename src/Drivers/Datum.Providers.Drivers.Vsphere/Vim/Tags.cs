using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>
/// Tags that are there already (<c>settings.tags</c>), attached over REST to what the driver makes. Nothing is found by them: they are for
/// people, backups and rules.
/// </summary>
internal sealed class Tags(VimRest rest, ImmutableArray<string> names)
{
    private const string Path = "rest/com/vmware/cis/tagging/";

    // Ids stay; a tag that was deleted and made anew has another one, and attaching the old one is refused.
    private volatile Dictionary<string, string>? _ids;

    public bool Any => names.Length > 0;

    /// <summary>Why not all of them are there; null when they are, or there are none.</summary>
    public async ValueTask<DriverError?> CheckAsync(Call call) => Any ? (await FindAsync(call)).Error : null;

    /// <summary>The names of those that an object lacks.</summary>
    public async ValueTask<(ImmutableArray<string> Missing, DriverError? Error)> MissingAsync(Call call, MoRef target)
    {
        var (ids, error) = await FindAsync(call);
        if (error is not null)
            return ([], error);
        var request = RestRequest.Post(Path + "tag-association?~action=list-attached-tags", TagRequest.Of(target), TagJson.Default.TagRequest) with { Mutates = false };
        var (attached, failed) = await ListAsync(call, request);
        return failed is not null ? ([], failed) : ([.. names.Where(n => !attached.Contains(ids![n]))], null);
    }

    /// <summary>Attaches what is missing. One that is attached already may be attached again.</summary>
    public async ValueTask<DriverError?> AttachAsync(Call call, MoRef target)
    {
        var (missing, error) = await MissingAsync(call, target);
        foreach (var name in missing)
            error ??= (await rest.SendAsync(call, RestRequest.Post($"{Path}tag-association/id:{_ids![name]}?~action=attach", TagRequest.Of(target), TagJson.Default.TagRequest))).Error;
        if (error is not null)
            _ids = null;
        return error;
    }

    /// <summary>The category and the name within it; null for what isn't both.</summary>
    public static (string Category, string Name)? Parse(string text) => text.Split('/', 2) is [{ Length: > 0 } category, { Length: > 0 } name] ? (category, name) : null;

    private async ValueTask<(Dictionary<string, string>? Ids, DriverError? Error)> FindAsync(Call call)
    {
        if (_ids is { } known)
            return (known, null);
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        var (categories, error) = await ListAsync(call, RestRequest.Get(Path + "category"));
        foreach (var category in error is null ? categories : [])
        {
            (var title, error) = await NameAsync(call, $"{Path}category/id:{category}");
            if (error is not null)
                break;
            if (names.All(n => Parse(n)?.Category != title))
                continue;
            (var tags, error) = await ListAsync(call, RestRequest.Post($"{Path}tag/id:{category}?~action=list-tags-for-category") with { Mutates = false });
            foreach (var tag in error is null ? tags : [])
            {
                (var name, error) = await NameAsync(call, $"{Path}tag/id:{tag}");
                if (error is not null)
                    break;
                ids[$"{title}/{name}"] = tag;
            }
        }

        if (error is not null)
            return (null, error);
        if (names.Where(n => !ids.ContainsKey(n)).ToList() is { Count: > 0 } unknown)
            return (null, VimErrors.Refused(ErrorCode.Invalid, $"The vCenter has no tag {string.Join(", ", unknown)}, or the account may not see it: create it, or correct settings.tags.") with { Field = "settings.tags" });
        _ids = ids;
        return (ids, null);
    }

    private async ValueTask<(string? Name, DriverError? Error)> NameAsync(Call call, string path)
    {
        var answer = await rest.SendAsync(call, RestRequest.Get(path));
        // It was deleted since it was listed.
        return answer.NotFound ? (null, null) : answer.Error is { } error ? (null, error) : (JsonText.Find(answer.Body, "value", "name"), null);
    }

    private async ValueTask<(ImmutableArray<string> Ids, DriverError? Error)> ListAsync(Call call, RestRequest request)
    {
        var read = (await rest.SendAsync(call, request)).Read(TagJson.Default.TagList);
        return read.Value is { } list ? (list.Value ?? [], null) : ([], read.Error);
    }
}

internal sealed record TagRequest
{
    public TagTarget? ObjectId { get; init; }

    public static TagRequest Of(MoRef target) => new() { ObjectId = new TagTarget { Id = target.Value, Type = target.Type } };
}

internal sealed record TagTarget
{
    public string? Id { get; init; }
    public string? Type { get; init; }
}

internal sealed record TagList
{
    public ImmutableArray<string>? Value { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(TagRequest))]
[JsonSerializable(typeof(TagList))]
internal sealed partial class TagJson : JsonSerializerContext;
