using System.Globalization;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>
/// How a platform cuts a listing into pages. A style turns a position (a token, an address, a number: self-contained text) into a request,
/// and an answer into the next position.
/// </summary>
public abstract class PageStyle
{
    private protected PageStyle(string tag) => Tag = tag;

    /// <summary>Stands in cursors, so that one of another style is foreign.</summary>
    internal string Tag { get; }

    internal abstract bool IsPosition(string position);

    /// <param name="first">The request of the first page.</param>
    /// <param name="position">Null for the first page.</param>
    /// <param name="client">Whose addresses a link must have.</param>
    internal abstract RestRequest Request(RestRequest first, string? position, RestClient client);

    /// <summary>Null on the last page. Throws <see cref="JsonException"/> on a body that isn't JSON, <see cref="InvalidDataException"/> on a position that isn't one.</summary>
    internal abstract string? Next(RestResult answer, string? position, RestClient client);

    /// <summary>Pages by token: the answer names one, the next request carries it.</summary>
    /// <param name="parameter">The query parameter, e.g. <c>pageToken</c>, <c>cursor</c>, <c>marker</c>.</param>
    /// <param name="token">Finds the token; null or empty on the last page.</param>
    public static PageStyle Token(string parameter, Func<RestResult, string?> token) => new TokenPages(parameter, token);

    /// <summary>Pages by token under these names of the JSON body, e.g. <c>nextPageToken</c> or <c>meta</c>, <c>links</c>, <c>next</c>.</summary>
    public static PageStyle Token(string parameter, params ImmutableArray<string> names) => new TokenPages(parameter, answer => JsonText.Find(answer.Body, names.AsSpan()));

    /// <summary>Pages by the Link header (RFC 8288), relation <c>next</c>.</summary>
    public static PageStyle LinkHeader() => new LinkPages(answer => LinkHeaders.Find(answer.Header("link"), "next"));

    /// <summary>Pages by an address under these names of the JSON body, e.g. <c>nextLink</c> or <c>links</c>, <c>pages</c>, <c>next</c>.</summary>
    public static PageStyle JsonLink(params ImmutableArray<string> names) => new LinkPages(answer => JsonText.Find(answer.Body, names.AsSpan()));

    /// <summary>Pages by an address that is found otherwise.</summary>
    public static PageStyle Link(Func<RestResult, string?> link) => new LinkPages(link);

    /// <summary>Pages by the number of items to skip. The listing ends with <paramref name="total"/> or, where that is unknown, with a page that isn't full.</summary>
    /// <param name="offset">The query parameter of the offset.</param>
    /// <param name="limit">The query parameter of the page size.</param>
    /// <param name="size">Items a page.</param>
    /// <param name="count">Items in this answer.</param>
    /// <param name="total">Items of the listing; null where the platform doesn't say.</param>
    public static PageStyle Offset(string offset, string limit, int size, Func<RestResult, int> count, Func<RestResult, long?>? total = null) =>
        new OffsetPages(offset, limit, size, count, total, first: 0, byItems: true);

    /// <summary>Pages by number. The listing ends as for <see cref="Offset"/>.</summary>
    /// <param name="page">The query parameter of the page's number.</param>
    /// <param name="limit">The query parameter of the page size.</param>
    /// <param name="size">Items a page.</param>
    /// <param name="count">Items in this answer.</param>
    /// <param name="total">Items of the listing; null where the platform doesn't say.</param>
    /// <param name="first">The number of the first page. Default 1.</param>
    public static PageStyle Number(string page, string limit, int size, Func<RestResult, int> count, Func<RestResult, long?>? total = null, int first = 1) =>
        new OffsetPages(page, limit, size, count, total, first, byItems: false);

    /// <summary>How many items the JSON array under these names has (without names: the body itself); for <see cref="Offset"/> and <see cref="Number"/>.</summary>
    public static Func<RestResult, int> CountOf(params ImmutableArray<string> names) => answer =>
    {
        using var document = JsonDocument.Parse(answer.Body);
        return JsonText.TryDescend(document.RootElement, names.AsSpan(), out var list) && list.ValueKind == JsonValueKind.Array
            ? list.GetArrayLength()
            : throw new InvalidDataException($"there is no list at {(names.IsEmpty ? "the top" : string.Join('.', names))}");
    };

    /// <summary>The whole number under these names of the JSON body; for the total of <see cref="Offset"/> and <see cref="Number"/>.</summary>
    public static Func<RestResult, long?> NumberAt(params ImmutableArray<string> names) => answer =>
        long.TryParse(JsonText.Find(answer.Body, names.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private sealed class TokenPages(string parameter, Func<RestResult, string?> token) : PageStyle("t")
    {
        internal override bool IsPosition(string position) => position.Length > 0;

        internal override RestRequest Request(RestRequest first, string? position, RestClient client) =>
            position is null ? first : first with { Path = RestRequest.WithQuery(first.Path, new KeyValuePair<string, string?>(parameter, position)) };

        internal override string? Next(RestResult answer, string? position, RestClient client) => token(answer) is { Length: > 0 } next ? next : null;
    }

    /// <summary>Positions are addresses without scheme and host: they can lead to no other server.</summary>
    private sealed class LinkPages(Func<RestResult, string?> link) : PageStyle("l")
    {
        internal override bool IsPosition(string position) => position.StartsWith('/') && !position.StartsWith("//", StringComparison.Ordinal) && !position.Contains('\\', StringComparison.Ordinal);

        internal override RestRequest Request(RestRequest first, string? position, RestClient client) =>
            position is null ? first : first with { Path = position, FromRoot = true };

        internal override string? Next(RestResult answer, string? position, RestClient client)
        {
            if (link(answer) is not { Length: > 0 } text)
                return null;
            var from = position is null ? client.BaseAddress : new Uri(client.BaseAddress, position);
            if (!Uri.TryCreate(from, text, out var next) || !SameHost(next, client.BaseAddress))
                throw new InvalidDataException("the next page is said to be at another server");
            return next.PathAndQuery;
        }

        // Behind a proxy that ends TLS, platforms name themselves by http or another port: the host is what counts, and the client's scheme and port are kept.
        private static bool SameHost(Uri next, Uri client) => next.Scheme is "http" or "https" && string.Equals(next.Host, client.Host, StringComparison.OrdinalIgnoreCase);
    }

    private sealed class OffsetPages(
        string parameter, string limit, int size, Func<RestResult, int> count, Func<RestResult, long?>? total, int first, bool byItems) : PageStyle(byItems ? "o" : "n")
    {
        internal override bool IsPosition(string position) => TryRead(position, out _);

        internal override RestRequest Request(RestRequest firstRequest, string? position, RestClient client) =>
            firstRequest with { Path = RestRequest.WithQuery(firstRequest.Path, new(limit, Show(size)), new(parameter, position ?? Show(first))) };

        internal override string? Next(RestResult answer, string? position, RestClient client)
        {
            var at = position is not null && TryRead(position, out var number) ? number : first;
            var items = count(answer);
            var before = byItems ? at : (at - first) * size;
            var more = total?.Invoke(answer) is { } all ? items > 0 && before + items < all : items >= size;
            // A page that is shorter than asked for (a lower limit of the platform) moves an offset by what it holds.
            return more ? Show(byItems ? at + items : at + 1) : null;
        }

        private bool TryRead(string text, out long number) =>
            long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= first && number < int.MaxValue;

        private static string Show(long number) => number.ToString(CultureInfo.InvariantCulture);
    }
}

/// <summary>Link headers (RFC 8288).</summary>
public static class LinkHeaders
{
    /// <summary>The first target of a relation, or null. Relations are compared without case; several in one parameter are separated by spaces.</summary>
    public static string? Find(string? header, string relation)
    {
        var rest = (header ?? "").AsSpan();
        while (true)
        {
            var open = rest.IndexOf('<');
            if (open < 0)
                return null;
            var close = rest[open..].IndexOf('>');
            if (close < 0)
                return null;
            var target = rest[(open + 1)..(open + close)];
            rest = rest[(open + close + 1)..];
            var found = false;
            var end = ParametersEnd(rest);
            foreach (var parameter in Split(rest[..end].ToString()))
                found |= IsRelation(parameter, relation);
            if (found)
                return target.Trim().ToString();
            rest = rest[end..];
        }
    }

    private static bool IsRelation(string parameter, string relation)
    {
        var equals = parameter.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && parameter.AsSpan(0, equals).Trim().Equals("rel", StringComparison.OrdinalIgnoreCase)
            && parameter[(equals + 1)..].Trim().Trim('"').Split(' ', StringSplitOptions.RemoveEmptyEntries).Contains(relation, StringComparer.OrdinalIgnoreCase);
    }

    private static int ParametersEnd(ReadOnlySpan<char> text)
    {
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && quoted)
                i++;
            else if (text[i] == '"')
                quoted = !quoted;
            else if (text[i] == ',' && !quoted)
                return i;
        }

        return text.Length;
    }

    private static List<string> Split(string parameters)
    {
        var parts = new List<string>();
        var quoted = false;
        var start = 0;
        for (var i = 0; i <= parameters.Length; i++)
        {
            if (i == parameters.Length || (parameters[i] == ';' && !quoted))
            {
                parts.Add(parameters[start..i]);
                start = i + 1;
            }
            else if (parameters[i] == '\\' && quoted)
            {
                i++;
            }
            else if (parameters[i] == '"')
            {
                quoted = !quoted;
            }
        }

        return parts;
    }
}
