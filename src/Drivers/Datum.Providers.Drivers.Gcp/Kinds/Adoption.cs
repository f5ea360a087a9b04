using System.Text.Json.Serialization.Metadata;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Kinds;

/// <summary>
/// Taking over and letting go: marks on and off the labels of objects that exist. Each change is sent with the fingerprint of the labels that were
/// read, so that a mark which somebody else puts there in between is never overwritten (DC-109). Beside the mark stands the object's own number: a
/// copy takes the labels along and is told by it.
/// </summary>
internal static class Adoption
{
    public const string Adopt = "adopt";
    public const string Release = "release";

    /// <summary>The label that holds the number of the object which was adopted.</summary>
    private const string SelfKey = "datum-adopted";

    private static readonly ImmutableArray<string> Keys = [Marks.InstallKey, Marks.KindKey, Marks.NameKey, Marks.IncarnationKey, Marks.PartKey, SelfKey];

    /// <summary>Whether the object itself was adopted, not what it is a copy of.</summary>
    public static bool Is(string? number, ImmutableSortedDictionary<string, string>? labels) => number is not null && labels?.GetValueOrDefault(SelfKey) == number;

    public static Mark? MarkOf(ImmutableSortedDictionary<string, string>? labels) => PairMarks.Read(labels ?? ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>Who holds it, for people; null when it isn't another's.</summary>
    public static string? OwnerOf(Identity id, Mark? mark, string? part = null) =>
        mark is not null && Marks.Compare(id, mark, part) == MarkState.Foreign ? $"{mark.Installation}/{ResourceNames.Prefix(mark.Kind)}-{mark.Name}" : null;

    public static DriverError Owned(string path, string owner) => GcpErrors.Refused(ErrorCode.Conflict, $"{path} belongs to {owner}; it is left as it is.") with { BlockedBy = [owner] };

    public static DriverError Other(string known, string path) => GcpErrors.Refused(ErrorCode.Conflict, $"This resource is {known} already; {path} is left as it is.") with { BlockedBy = [known] };

    public static ImmutableSortedDictionary<string, string> Marked(ImmutableSortedDictionary<string, string>? labels, Identity id, string? number, string? part = null) =>
        Bare(labels).SetItems(Marks.ToPairs(Marks.For(id, part))).SetItems(number is null ? [] : [new(SelfKey, number)]);

    public static ImmutableSortedDictionary<string, string> Bare(ImmutableSortedDictionary<string, string>? labels) => (labels ?? ImmutableSortedDictionary<string, string>.Empty).RemoveRange(Keys);

    public static ValueTask<OperationLook> RelabelAsync(GcpApi api, Call call, string path, ImmutableSortedDictionary<string, string> labels, string? fingerprint) =>
        api.ChangeAsync(call, RestRequest.Post(path + "/setLabels", new SetLabels { Labels = labels, LabelFingerprint = fingerprint }, GcpJson.Default.SetLabels));

    /// <summary>An object by its path or link, its number, or its name where only one zone has it.</summary>
    public static async ValueTask<(string? Path, DriverError? Error)> PathAsync<T>(GcpApi api, Call call, string collection, string providerId, JsonTypeInfo<T> type) where T : ComputeObject
    {
        if (providerId.Contains('/', StringComparison.Ordinal))
            return Paths.Below(providerId, api.Project) is var path && Paths.IsPath(path) && path.Split('/') is ["zones", _, var of, _] && of == collection ? (path, null)
                : (null, Unknown($"'{providerId}' names none of the project's {collection}; write zones/ZONE/{collection}/NAME."));
        if (!Paths.IsPath(providerId))
            return (null, Unknown($"'{providerId}' is no name."));
        var (all, error) = await Search.AllAsync(api, call, collection, providerId.All(char.IsAsciiDigit) ? $"id = {providerId}" : Search.ByName(providerId), type);
        return error is not null ? (null, error)
            : all.Length == 1 ? (Paths.Below(all[0].SelfLink, api.Project), null)
            : (null, Unknown(all.Length == 0 ? $"There is no {providerId} among the project's {collection}." : $"Several of {collection} are called {providerId}; write zones/ZONE/{collection}/{providerId}."));
    }

    public static DriverError Unknown(string message) => GcpErrors.Refused(ErrorCode.Invalid, message);
}
