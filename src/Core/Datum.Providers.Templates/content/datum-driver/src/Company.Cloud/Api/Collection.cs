using System.Globalization;
using System.Text.Json.Serialization.Metadata;

namespace Company_Cloud;

/// <summary>One collection of the platform's API. "Not there" is an answer here, never an error (DC-46).</summary>
internal sealed class Collection<T>(RestClient rest, ErrorTable errors, string path, JsonTypeInfo<T> one, JsonTypeInfo<CloudPage<T>> page) where T : CloudObject
{
    public async ValueTask<(T? Item, DriverError? Error)> GetAsync(Call call, string id)
    {
        var result = await rest.SendAsync(call, RestRequest.Get(At(id)));
        if (result.NotFound)
            return (null, null);
        var answer = result.Read(one);
        return (answer.Value, answer.Error);
    }

    /// <summary>Names are unique at this platform, so there is one object or none.</summary>
    public async ValueTask<(T? Item, DriverError? Error)> FindAsync(Call call, string name)
    {
        var answer = (await rest.SendAsync(call, RestRequest.Get(RestRequest.WithQuery(path, KeyValuePair.Create("name", (string?)name))))).Read(page);
        return (answer.Value?.Items.FirstOrDefault(), answer.Error);
    }

    public async ValueTask<Answer<CloudPage<T>>> ListAsync(Call call, IEnumerable<KeyValuePair<string, string>> labels, int pageSize, string? after)
    {
        var query = RestRequest.WithQuery(path,
        [
            new("limit", pageSize > 0 ? pageSize.ToString(CultureInfo.InvariantCulture) : null),
            new("after", after),
            .. labels.Select(l => KeyValuePair.Create("label", (string?)$"{l.Key}:{l.Value}")),
        ]);
        return (await rest.SendAsync(call, RestRequest.Get(query))).Read(page);
    }

    public async ValueTask<Answer<T>> CreateAsync(Call call, T wish) =>
        (await rest.SendAsync(call, RestRequest.Post(path, wish, one))).Read(one);

    public async ValueTask<Answer<T>> ChangeAsync(Call call, string id, T change) =>
        (await rest.SendAsync(call, RestRequest.Patch(At(id), change, one))).Read(one);

    /// <summary>The object while the platform still takes it down; null when it is gone.</summary>
    public async ValueTask<(T? Leaving, DriverError? Error)> DeleteAsync(Call call, string id)
    {
        var result = await rest.SendAsync(call, RestRequest.Delete(At(id)));
        if (result.NotFound || result.Status == 204)
            return (null, null);
        var answer = result.Read(one);
        return (answer.Value, answer.Error);
    }

    /// <summary>The error that an object tells of itself: what was asked for was taken, and then failed (DC-51).</summary>
    public DriverError ToError(CloudProblem problem) =>
        errors.Classify(0, new ErrorDetail { Code = problem.Code, Message = problem.Message }, mutation: true) with { Effect = Effect.Applied };

    // Ids come from the platform and from the ledger; neither is trusted to be a path segment.
    private string At(string id) => $"{path}/{Uri.EscapeDataString(id)}";
}
