"""The sectors that an organisation works in: a closed list, so that projects and members meet on the same words."""

from enum import StrEnum

from schemas.event import Text


class Activity(StrEnum):
    """The code of a sector."""

    AGRICULTURE = "agriculture"
    ARTS = "arts"
    CARE = "care"
    CHILDHOOD = "childhood"
    CONSTRUCTION = "construction"
    CRAFT = "craft"
    CULTURE = "culture"
    DIGITAL = "digital"
    EMPLOYMENT = "employment"
    ENERGY = "energy"
    ENVIRONMENT = "environment"
    FINANCE = "finance"
    FOOD = "food"
    HEALTH = "health"
    HOUSING = "housing"
    INDUSTRY = "industry"
    LOGISTICS = "logistics"
    MEDIA = "media"
    MOBILITY = "mobility"
    PUBLIC = "public"
    RECYCLING = "recycling"
    RESEARCH = "research"
    RETAIL = "retail"
    SPORT = "sport"
    TEXTILE = "textile"
    TOURISM = "tourism"
    TRAINING = "training"


LABELS: dict[Activity, Text] = {
    Activity.AGRICULTURE: Text(fr="Agriculture et maraîchage", en="Farming and market gardening"),
    Activity.ARTS: Text(fr="Spectacle et arts vivants", en="Performing arts"),
    Activity.CARE: Text(fr="Aide à la personne et lien social", en="Personal care and social ties"),
    Activity.CHILDHOOD: Text(fr="Petite enfance et jeunesse", en="Childhood and youth"),
    Activity.CONSTRUCTION: Text(fr="Bâtiment et écoconstruction", en="Building and green construction"),
    Activity.CRAFT: Text(fr="Artisanat et métiers d’art", en="Crafts"),
    Activity.CULTURE: Text(fr="Culture et patrimoine", en="Culture and heritage"),
    Activity.DIGITAL: Text(fr="Numérique", en="Digital services"),
    Activity.EMPLOYMENT: Text(fr="Insertion et emploi", en="Employment and inclusion through work"),
    Activity.ENERGY: Text(fr="Énergie", en="Energy"),
    Activity.ENVIRONMENT: Text(fr="Environnement et espaces verts", en="Environment and green spaces"),
    Activity.FINANCE: Text(fr="Finance solidaire et assurance", en="Solidarity finance and insurance"),
    Activity.FOOD: Text(fr="Alimentation et restauration", en="Food and catering"),
    Activity.HEALTH: Text(fr="Santé", en="Health"),
    Activity.HOUSING: Text(fr="Logement et habitat", en="Housing"),
    Activity.INDUSTRY: Text(fr="Industrie et fabrication", en="Industry and manufacturing"),
    Activity.LOGISTICS: Text(fr="Logistique et livraison", en="Logistics and delivery"),
    Activity.MEDIA: Text(fr="Médias et communication", en="Media and communication"),
    Activity.MOBILITY: Text(fr="Mobilité et transport de personnes", en="Mobility and passenger transport"),
    Activity.PUBLIC: Text(fr="Action publique locale", en="Local public action"),
    Activity.RECYCLING: Text(fr="Réemploi et recyclage", en="Reuse and recycling"),
    Activity.RESEARCH: Text(fr="Recherche et enseignement supérieur", en="Research and higher education"),
    Activity.RETAIL: Text(fr="Commerce et circuits courts", en="Retail and short supply chains"),
    Activity.SPORT: Text(fr="Sport et loisirs", en="Sport and leisure"),
    Activity.TEXTILE: Text(fr="Textile", en="Textile"),
    Activity.TOURISM: Text(fr="Tourisme et hébergement", en="Tourism and lodging"),
    Activity.TRAINING: Text(fr="Formation et éducation", en="Training and education"),
}
