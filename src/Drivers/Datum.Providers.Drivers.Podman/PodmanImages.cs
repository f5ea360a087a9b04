namespace Datum.Providers.Drivers.Podman;

/// <summary>The images that are on the machine, by the names under which they can be used.</summary>
internal sealed class PodmanImages(Session session)
{
    public async ValueTask<Answer<CatalogPage<PlatformImage>>> ListAsync(Call call, CatalogQuery query, string? cursor)
    {
        var answer = await session.Podman.ImagesAsync(call);
        if (answer.Value is not { } images)
            return answer.Error!;
        var all = images.SelectMany(i => (i.Names ?? i.RepoTags ?? []).Select(name => (Name: name, Image: i)))
            .Where(i => query.Search is null || i.Name.Contains(query.Search, StringComparison.OrdinalIgnoreCase))
            .DistinctBy(i => i.Name, StringComparer.Ordinal)
            .OrderBy(i => i.Name, StringComparer.Ordinal)
            .Where(i => string.CompareOrdinal(i.Name, cursor) > 0)
            .ToList();
        var page = query.PageSize > 0 ? all.Take(query.PageSize).ToList() : all;
        return new CatalogPage<PlatformImage>
        {
            Items =
            [
                .. page.Select(i => new PlatformImage
                {
                    Id = i.Name,
                    Name = i.Name,
                    Architecture = i.Image.Architecture,
                    CreatedAt = i.Image.Created > 0 ? DateTimeOffset.FromUnixTimeSeconds(i.Image.Created) : null,
                }),
            ],
            Next = page.Count < all.Count ? page[^1].Name : null,
        };
    }
}
