"""The words from which the sample contacts are made. All people, firms and places are invented."""

from __future__ import annotations

FIRST_NAMES = (
    "Aaliyah", "Adam", "Aisha", "Alana", "Albert", "Alice", "Amelia", "Amir", "Ana", "Anahera", "Andrew",
    "Anika", "Aroha", "Arjun", "Astrid", "Ava", "Benjamin", "Bianca", "Blake", "Brianna", "Bruce", "Caleb",
    "Cameron", "Carlos", "Caroline", "Charlotte", "Chloe", "Claire", "Connor", "Cooper", "Daisy", "Daniel",
    "David", "Diana", "Dylan", "Edward", "Eleanor", "Elena", "Elijah", "Elizabeth", "Ella", "Emily", "Emma",
    "Ethan", "Eva", "Evelyn", "Farah", "Felix", "Fiona", "Francis", "Freya", "Gabriel", "George", "Georgia",
    "Grace", "Graham", "Hamish", "Hana", "Hannah", "Harriet", "Harry", "Hassan", "Hemi", "Henry", "Hine",
    "Holly", "Hugo", "Ian", "Ibrahim", "Imogen", "Isaac", "Isabella", "Isla", "Jack", "Jacob", "James",
    "Jasmine", "Jayden", "Jessica", "Jing", "Joel", "John", "Jonah", "Joseph", "Joshua", "Julia", "Kahu",
    "Kaia", "Kate", "Keiko", "Kiri", "Koa", "Lachlan", "Layla", "Leilani", "Leo", "Lewis", "Liam", "Lily",
    "Logan", "Louise", "Lucas", "Lucy", "Luka", "Mahmoud", "Maia", "Malia", "Mana", "Manaia", "Marama",
    "Maria", "Mark", "Mason", "Matiu", "Matthew", "Max", "Mei", "Mere", "Mia", "Michael", "Mila",
    "Mohammed", "Molly", "Naomi", "Natalie", "Nathan", "Ngaire", "Niamh", "Nikau", "Nina", "Noah", "Oliver",
    "Olivia", "Omar", "Oscar", "Patrick", "Paul", "Penelope", "Peter", "Phoebe", "Piper", "Priya", "Quinn",
    "Rachel", "Rawiri", "Rebecca", "Rebekah", "Reuben", "Rhys", "Riley", "Robert", "Rohan", "Rose", "Ruby",
    "Ryan", "Saanvi", "Samuel", "Sarah", "Sebastian", "Sienna", "Simon", "Sina", "Sione", "Sofia", "Sophie",
    "Stella", "Stephen", "Susan", "Tama", "Tane", "Taylor", "Theo", "Thomas", "Tia", "Toby", "Tui",
    "Victoria", "Vikram", "Violet", "Wiremu", "William", "Willow", "Xavier", "Yara", "Yuki", "Yusuf",
    "Zachary", "Zara", "Zoe",
)  # fmt: skip

LAST_NAMES = (
    "Abbott", "Adams", "Ahmed", "Aitken", "Alexander", "Allen", "Anderson", "Armstrong", "Arnold",
    "Atkinson", "Bailey", "Baker", "Barnes", "Barrett", "Bell", "Bennett", "Berry", "Bishop", "Black",
    "Blair", "Boyd", "Bradley", "Brennan", "Brooks", "Brown", "Bryant", "Burgess", "Burke", "Burns",
    "Butler", "Byrne", "Cameron", "Campbell", "Carr", "Carroll", "Carter", "Chan", "Chapman", "Chen",
    "Clark", "Clarke", "Cole", "Collins", "Cook", "Cooper", "Cox", "Craig", "Crawford", "Cross",
    "Cunningham", "Dalton", "Davidson", "Davies", "Davis", "Dawson", "Dean", "Devi", "Dixon", "Doherty",
    "Douglas", "Doyle", "Duncan", "Dunn", "Edwards", "Elliott", "Ellis", "Evans", "Faleolo", "Farrell",
    "Ferguson", "Fernandez", "Fisher", "Fletcher", "Ford", "Foster", "Fox", "Francis", "Fraser", "Freeman",
    "Gallagher", "Garcia", "Gibson", "Gill", "Gordon", "Graham", "Grant", "Gray", "Green", "Greene",
    "Griffin", "Gupta", "Hall", "Hamilton", "Hansen", "Harris", "Harrison", "Hart", "Harvey", "Hayes",
    "Henare", "Henderson", "Hill", "Holland", "Holmes", "Howard", "Hughes", "Hunt", "Hunter", "Hussain",
    "Jackson", "James", "Jenkins", "Johnson", "Johnston", "Jones", "Jordan", "Joseph", "Kaur", "Kelly",
    "Kennedy", "Khan", "King", "Knight", "Kumar", "Lambert", "Lane", "Lawrence", "Lawson", "Lee", "Leslie",
    "Lewis", "Li", "Lin", "Liu", "Lloyd", "Lopez", "Lynch", "MacDonald", "Mackay", "Marsh", "Marshall",
    "Martin", "Mason", "Matthews", "McCarthy", "McDonald", "McKenzie", "McLean", "Mehta", "Miller", "Mills",
    "Mitchell", "Moana", "Moore", "Morgan", "Morris", "Morrison", "Murphy", "Murray", "Nair", "Nash",
    "Newman", "Ngata", "Nguyen", "Nikora", "Nolan", "Nordstrom", "O'Brien", "O'Connor", "O'Neill", "Oliver",
    "Osborne", "Owen", "Palmer", "Paki", "Parata", "Park", "Parker", "Patel", "Paterson", "Pearce",
    "Pearson", "Perry", "Peters", "Phillips", "Pike", "Poole", "Porter", "Potter", "Powell", "Price",
    "Pritchard", "Quinn", "Ramsay", "Rangi", "Read", "Reid", "Reilly", "Reynolds", "Rice", "Richards",
    "Richardson", "Roberts", "Robertson", "Robinson", "Rogers", "Rose", "Ross", "Russell", "Ryan",
    "Sanders", "Santos", "Scott", "Sharma", "Shaw", "Sharp", "Silva", "Simpson", "Sinclair", "Singh",
    "Smith", "Spencer", "Stephens", "Stevens", "Stewart", "Stone", "Sullivan", "Sutherland", "Tamihana",
    "Tan", "Tauranga", "Taylor", "Te-Aho", "Thomas", "Thompson", "Thomson", "Tipene", "Todd", "Tran",
    "Tucker", "Tuhoe", "Turner", "Vaughan", "Vella", "Waititi", "Walker", "Wallace", "Walsh", "Wang",
    "Ward", "Watene", "Watson", "Watts", "Webb", "West", "White", "Wilkinson", "Williams", "Williamson",
    "Wilson", "Wong", "Wood", "Wright", "Wu", "Yang", "Young", "Zhang",
)  # fmt: skip

TENANT_FIRMS = (
    "Bakery", "Books", "Café", "Dental", "Design Studio", "Fitness", "Florist", "Law", "Optical", "Pharmacy",
    "Physio", "Records", "Travel", "Yoga", "Coffee Roasters", "Barbers", "Robotics", "Architects", "Imports",
)  # fmt: skip

TRADES = (
    "Plumbing", "Electrical", "Roofing", "Painting", "Cleaning", "Landscaping", "Locksmiths", "Lifts",
    "Fire Protection", "Glazing", "Carpentry", "Pest Control", "Heating", "Drainage", "Flooring", "Gutters",
    "Security", "Waste", "Scaffolding", "Air Conditioning",
)  # fmt: skip

FIRM_WORDS = (
    "Anchor", "Bayside", "Beacon", "Blue Sky", "Bridge", "Capital", "Cedar", "City", "Clearwater", "Coastal",
    "Compass", "Corner", "Crown", "Eastern", "Evergreen", "Falcon", "Fern", "Gateway", "Golden", "Granite",
    "Greenstone", "Harbour", "Hilltop", "Huia", "Island", "Kauri", "Kererū", "Keystone", "Kōwhai", "Lakeside",
    "Lighthouse", "Manuka", "Maple", "Mātai", "Metro", "Moana", "Northern", "Oak", "Orchard", "Pacific",
    "Parkside", "Peak", "Pīwakawaka", "Pōhutukawa", "Premier", "Rātā", "Rimu", "River", "Sentinel", "Silver",
    "Southern", "Station", "Summit", "Sunrise", "Tūī", "Tasman", "Tōtara", "Union", "Valley", "Victoria",
    "Waterfront", "Western", "Whānui", "Willow",
)  # fmt: skip

UTILITIES = (
    "Power",
    "Energy",
    "Water",
    "Gas",
    "Broadband",
    "Fibre",
    "Insurance",
    "Lines",
    "Solar",
    "Metering",
)  # fmt: skip

STREETS = (
    "Bayview Road", "Kōwhai Street", "Harbour Terrace", "Vine Lane", "Queen's Parade", "Station Road",
    "Tūī Crescent", "Mill Street", "Jetty Road", "Orchard Avenue", "Victoria Quay", "Ōtūmoetai Road",
    "Hilltop Rise", "Market Place", "Cathedral Square", "Ferry Street", "Rātā Grove", "Wharf Street",
)  # fmt: skip

TOWNS = (
    ("Auckland", "1010"), ("Wellington", "6011"), ("Christchurch", "8011"), ("Hamilton", "3204"),
    ("Tauranga", "3110"), ("Dunedin", "9016"), ("Whangārei", "0110"), ("Napier", "4110"), ("Nelson", "7010"),
    ("Taupō", "3330"), ("Ōtaki", "5512"), ("Kāpiti", "5032"),
)  # fmt: skip

# Names that programs often mishandle, all of active contacts.
AWKWARD_NAMES = (
    "a [/x] b",
    "<b>bold</b>",
    "[red]",
    "Ngāti Wharenui Housing Trust",
    "Te Whare Kōkōwai Papakāinga",
    "Māhina Tūtānekai-Rāwiri",
    "شركة النور للعقارات",
    "مؤسسة الهدى للصيانة",
    "さくら不動産株式会社",
    "陈伟物业管理有限公司",
    "김민준",
    "🏡 Happy Homes Cleaning",
    "👨‍👩‍👧‍👦 Nguyen Family Trust",
    "Zoë Müller 🌈",
    "Łukasz & Žofia Brådström",
    'O\'Hara "Quick" Plumbing & Söhne',
    "=SUM(A1:A9) Signs Ltd",
    "100% Clean_Co",
)
